"""GetFilters: what a server tells of first layers, whose weights it has laid out for the processor."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import dgnam_models
import numpy as np
import pytest
from dgnam_models import Network
from dgnam_models.filters import first_layer
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import GetFiltersRequest
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import filters
from dgnam_server.rpc.errors import FailedPrecondition, InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings
from PIL import Image


async def test_they_are_the_files(serving: Any, tiny_pack: Path) -> None:
    async with serving() as server:
        stub = analysis_pb2_grpc.AnalysisServiceStub(server.channel)
        found = await stub.GetFilters(GetFiltersRequest(model="tiny"))
        shared = await stub.GetFilters(GetFiltersRequest(model="tiny", shared_scale=True))
    network = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(network, Network)
    known = first_layer(network)
    values = arrays.from_message(found.values)
    np.testing.assert_allclose(values, known.values.permute(0, 2, 3, 1).numpy(), rtol=0.01, atol=1e-3)  # bfloat16 on some processors
    assert (found.stride_y, found.stride_x) == known.stride and list(found.rms) == pytest.approx(known.rms.tolist(), rel=0.01)
    assert found.low + found.middle + found.high == pytest.approx(1) and 0 <= found.aliased <= 1
    with Image.open(io.BytesIO(found.png)) as one, Image.open(io.BytesIO(shared.png)) as other:
        assert one.size == other.size and one.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    ("model", "kind", "says"),
    [
        ("", InvalidRequest, "model: a classifier is required"),
        ("tiny-prior", InvalidRequest, "tiny-prior is a prior and has no units"),
        ("tyni", NotFound, "there is no model 'tyni'; did you mean tiny"),
        ("tiny-res", FailedPrecondition, "tiny-res does not begin with a convolution"),
    ],
)
def test_what_has_none(tiny: Catalog, model: str, kind: type[Exception], says: str) -> None:
    known = {name: one for name, one in tiny.filters.items() if name != "tiny-res"}
    assert len(known) < len(tiny.filters), "this network begins with one, which is left out here"
    with pytest.raises(kind, match=says):
        filters.read(Reader(replace(tiny, filters=known), Settings()), GetFiltersRequest(model=model))
