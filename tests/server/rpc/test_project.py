"""Project: every bad field with its path, the stream, the recipe."""

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import Place, ProjectRequest
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_STRICT
from dgnam_proto.v1.target_pb2 import Position
from dgnam_server.analysis import PROJECTIONS
from dgnam_server.analysis.projection import Wanted, project
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder, ProjectionSpec
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc import decoding, pictures
from dgnam_server.rpc.errors import InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.project import pictured, read
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.settings import Settings
from files import png
from picture_files import decode_here, settled

Change = Callable[[ProjectRequest], object]


@pytest.fixture
def asked() -> ProjectRequest:
    return ProjectRequest(images=[png(32, 32)], place=Place(model="tiny", tap="conv5", index=3))


def place(**fields: Any) -> Change:
    return lambda request: request.place.CopyFrom(Place(**{"model": "tiny", **fields}))


def fields(**values: Any) -> Change:
    return lambda request: request.MergeFrom(ProjectRequest(**values))


IG = "integrated-gradients"
CASES: list[tuple[str, Change, str, str]] = [
    ("no images", lambda r: r.ClearField("images"), "images", "0 are not between 1 and 64"),
    ("no place", lambda r: r.ClearField("place"), "place.model", "a classifier is required"),
    ("index", place(tap="conv5", index=6), "place.index", "6 is not between 0 and 5"),
    ("none kept", fields(top=0), "top", "0 is not an integer between 1 and 16"),
    ("more kept than there are", fields(top=17), "top", "17 is not an integer between 1 and 16"),
    ("several of one", lambda r: (place(index=1)(r), fields(top=2)(r)), "top", "fc8 has no maps"),
    ("several at a position", lambda r: (place(tap="conv5", position=Position())(r), fields(top=2)(r)), "top", "the place has a position"),
    ("a layer for nothing", fields(layer="conv1"), "layer", "deconvnet goes down to the pixels; grad-cam stops at a layer"),
    ("no such layer", fields(method="grad-cam", layer="fc6"), "layer", "'fc6' is no tap with maps before conv5; there are conv1, pool1"),
    (
        "nothing before",
        lambda r: (place(tap="conv1")(r), fields(method="grad-cam")(r)),
        "layer",
        "no tap with maps comes before tiny:conv1",
    ),
    ("no option", fields(options={"steps": 5}), "options.steps", "deconvnet has no options"),
    (
        "an unknown option",
        fields(method="integrated-gradients", options={"stps": 5}),
        "options.stps",
        "has no option 'stps'; did you mean steps",
    ),
    (
        "too many steps",
        fields(method="integrated-gradients", options={"steps": 9999}),
        "options.steps",
        "is not an integer between 1 and 2000",
    ),
    ("determinism", fields(determinism=9), "determinism", "9 is unknown"),
    ("no image", lambda r: r.images.append(b"GIF89a"), "images[1]", "the file is not a PNG, JPEG or WebP file"),
]


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid(asked: ProjectRequest, tiny: Catalog, change: Change, path: str, says: str) -> None:
    change(asked)
    with pytest.raises(InvalidRequest) as caught:
        decoded(tiny, asked)
    (violation,) = caught.value.violations
    assert violation.field == path and says in violation.description


def decoded(tiny: Catalog, request: ProjectRequest) -> ProjectionSpec:
    reader = Reader(tiny, Settings())
    return settled(pictured(reader, request, read(reader, request), decode_here, ReceptiveFields()))


def test_an_unknown_method(asked: ProjectRequest, tiny: Catalog) -> None:
    asked.method = "deconvnets"
    with pytest.raises(NotFound, match="method: there is no method 'deconvnets' of projection; did you mean deconvnet"):
        read(Reader(tiny, Settings()), asked)


def test_defaults_and_what_of_a_file_is_seen(asked: ProjectRequest, tiny: Catalog) -> None:
    asked.images.append(png(60, 44))
    spec = decoded(tiny, asked)
    assert (spec.method, spec.wanted, spec.layer, spec.strict) == ("deconvnet", Wanted(3, None, 1), None, False)
    assert [picture.shape for picture in spec.pictures] == [(32, 32, 3)] * 2
    assert [pictures.own_size(data, size) for data, size in ((png(60, 24), (32, 32)), (png(60, 24), (16, 32)))] == [(24, 24), (24, 48)]
    asked.method = "grad-cam"
    assert read(Reader(tiny, Settings()), asked).layer == "relu4"


def test_without_max_pooling_the_default_is_guided_backpropagation(asked: ProjectRequest, tiny: Catalog) -> None:
    asked.place.CopyFrom(Place(model="tiny-res", tap="fc", index=3))
    assert "tiny" in tiny.pooling and "tiny-res" not in tiny.pooling
    assert read(Reader(tiny, Settings()), asked).method == "guided-backpropagation"


async def stream(server: Any, request: ProjectRequest) -> list[Any]:
    return [message async for message in analysis_pb2_grpc.AnalysisServiceStub(server.channel).Project(request)]


async def test_with_the_real_engine(serving: Any, builder: Builder, tiny: Catalog, asked: ProjectRequest) -> None:
    asked.images.append(png(32, 32, 1))
    ways = ProjectRequest(images=asked.images[:1], place=Place(model="tiny"), method="integrated-gradients", options={"steps": 4})
    ways.determinism = DETERMINISM_STRICT
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        messages = await stream(server, asked)
        (*_, slow) = await stream(server, ways)
        (*_, again) = await stream(server, slow.result.recipe.project)
        asked.images.append(png(20, 20))
        with pytest.raises(
            grpc.aio.AioRpcError, match=r"images\[2\]: 20 x 20 pixels are there to see, and a unit of tiny:conv5 sees 32 x 32"
        ) as caught:
            await stream(server, asked)
        asked.enlarge = True
        assert len(await stream(server, asked)) >= 5
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert [messages[0].WhichOneof("event"), messages[1].WhichOneof("event")] == ["queued", "started"]
    results = {message.result.picture: message.result for message in messages if message.HasField("result")}
    assert sorted(results) == [0, 1]
    for number, result in results.items():
        seen = torch.from_numpy(decoding.decode(asked.images[number], (32, 32), 2000).astype(np.float32) / 255).permute(2, 0, 1)[None]
        (kept,), signal = project(tiny.networks["tiny"], PROJECTIONS["deconvnet"], ("conv5", None), seen, [Wanted(3).kept])
        np.testing.assert_allclose(arrays.from_message(result.values), signal[0].permute(1, 2, 0).numpy(), rtol=1e-4, atol=1e-6)
        assert [(at.y, at.x) for at in result.positions] == list(kept.positions) and result.unit == 3 and not result.label
        assert list(result.activations) == pytest.approx(kept.activations, rel=1e-4)
        assert result.recipe.project.images == [asked.images[number]] and result.recipe.project.top == 1
        assert result.png.startswith(b"\x89PNG") and result.seen.startswith(b"\x89PNG")
    assert slow.result.label == tiny.cards["tiny"].labels[slow.result.unit]
    assert dict(slow.result.recipe.project.options) == {"steps": 4, "baseline": 0}
    assert dict(slow.result.recipe.model_digests) == {"tiny": tiny.cards["tiny"].sha256}
    assert again.result == slow.result, "strict: bit for bit"
