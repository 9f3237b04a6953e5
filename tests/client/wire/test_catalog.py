"""Answers about the server's models and methods -> records."""

from __future__ import annotations

import pytest
from dgnam_client import ProtocolError
from dgnam_client._wire import catalog
from dgnam_proto.v1 import catalog_pb2


def test_a_role_of_the_future() -> None:
    assert catalog.model(catalog_pb2.Model(name="m", role=99)).role == "unknown"  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="training facts are not JSON"):
        catalog.model(catalog_pb2.Model(name="m", training_json="{"))


def test_a_priors_own_defaults() -> None:
    defaults = {"dgn-am": catalog_pb2.OptionDefaults(values={"start_draws": 4000})}
    code = catalog.model(catalog_pb2.Model(name="m", code=catalog_pb2.Code(size=5, option_defaults=defaults))).code
    assert code is not None and code.option_defaults == {"dgn-am": {"start_draws": 4000}}
