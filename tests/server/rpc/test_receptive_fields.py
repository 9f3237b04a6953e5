"""Receptive fields are worked out once."""

import pytest
from dgnam_models import receptive_field
from dgnam_server.catalog import Catalog
from dgnam_server.rpc.receptive_fields import ReceptiveFields


async def test_each_is_worked_out_once(tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    fields, network = ReceptiveFields(), tiny.networks["tiny"]
    found = await fields.of(network, "conv1")
    assert found is not None and await fields.largest(network, "conv1") == (5, 5)
    monkeypatch.setattr(receptive_field, "receptive_field", lambda *_: pytest.fail("again"))
    assert await fields.of(network, "conv1") is found


async def test_units_without_a_map_see_everything(tiny: Catalog) -> None:
    assert await ReceptiveFields().largest(tiny.networks["tiny"], "fc6") == (32, 32)
