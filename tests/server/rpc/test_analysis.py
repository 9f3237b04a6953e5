"""AnalysisService: every bad field with its path, and what pictures give places."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, Place
from dgnam_proto.v1.target_pb2 import Position
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Finished
from dgnam_server.engine.kinds import activations
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc import analysis, decoding, payload
from dgnam_server.rpc.analysis import Look
from dgnam_server.rpc.errors import InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings
from files import png
from picture_files import decode_here, settled

Change = Callable[[ActivationsRequest], object]


def read(catalog: Catalog, request: ActivationsRequest) -> Look:
    reader = Reader(catalog, Settings())
    return settled(analysis.pictured(reader, request, analysis.read(reader, request), decode_here))


@pytest.fixture
def asked() -> ActivationsRequest:
    return ActivationsRequest(images=[png(32, 32)], places=[Place(model="tiny")])


def place(**fields: Any) -> Change:
    return lambda request: request.places[0].CopyFrom(Place(**{"model": "tiny", **fields}))


def image(data: bytes) -> Change:
    return lambda request: request.images.append(data)


CASES: list[tuple[str, Change, str, str]] = [
    ("no images", lambda r: r.ClearField("images"), "images", "0 are not between 1 and 64"),
    ("too many images", lambda r: r.images.extend([png(32, 32)] * 64), "images", "65 are not between 1 and 64"),
    ("no image", image(b"GIF89a"), "images[1]", "the file is not a PNG, JPEG or WebP file"),
    ("half an image", image(png(400, 300)[:-60]), "images[1]", "the file is damaged or cut short"),
    ("a huge image", image(png(5, 5)), "images[1]", "5 x 5 pixels are too few"),
    ("no places", lambda r: r.ClearField("places"), "places", "0 are not between 1 and 16"),
    ("too many places", lambda r: r.places.extend([Place(model="tiny")] * 16), "places", "17 are not between 1 and 16"),
    ("no model", place(model=""), "places[0].model", "a classifier is required"),
    ("a prior", place(model="tiny-prior"), "places[0].model", "tiny-prior is a prior and has no units"),
    ("index", place(index=7), "places[0].index", "7 is not between 0 and 6, the units of tiny:fc8"),
    ("label", place(tap="conv2", label="lemon"), "places[0].label", "tiny:conv2 has no labels"),
    ("position", place(index=1, position=Position()), "places[0].position", "fc8 is fully connected"),
    ("position beside the map", place(tap="conv2", position=Position(x=8)), "places[0].position.x", "8 is not between 0 and 7"),
]


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid(asked: ActivationsRequest, tiny: Catalog, change: Change, path: str, says: str) -> None:
    change(asked)
    with pytest.raises(InvalidRequest) as caught:
        read(tiny, asked)
    (violation,) = caught.value.violations
    assert violation.field == path
    assert says in violation.description


def test_not_found(asked: ActivationsRequest, tiny: Catalog) -> None:
    asked.places.extend([Place(model="tyni"), Place(model="tiny", tap="fc9"), Place(model="tiny", label="lemmon")])
    with pytest.raises(NotFound) as caught:
        read(tiny, asked)
    for path, name in (("places[1].model", "tiny"), ("places[2].tap", "fc8"), ("places[3].label", "lemon")):
        assert f"{path}: " in caught.value.message
        assert f"did you mean {name}" in caught.value.message


def test_nothing_is_decoded_for_a_wrong_request(asked: ActivationsRequest, tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "decode", lambda *_: pytest.fail("decoded"))
    asked.places[0].index = 99
    with pytest.raises(InvalidRequest):
        read(tiny, asked)


def test_activations_that_no_message_holds(asked: ActivationsRequest, tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tap="conv2")(asked)
    monkeypatch.setattr(payload, "MAX_MESSAGE_BYTES", 4 * 6 * 8 * 8)
    read(tiny, asked)
    asked.images.append(png(32, 32))
    with pytest.raises(InvalidRequest, match="places: the response would take .* name units instead of whole taps"):
        read(tiny, asked)
    place(tap="conv2", index=0)(asked)
    read(tiny, asked)


def test_what_is_looked_at(asked: ActivationsRequest, tiny: Catalog) -> None:
    asked.images.append(png(80, 50))
    asked.places.extend([Place(model="tiny", label="Lemon"), Place(model="tiny-res", tap="conv1", index=1, position=Position(y=2, x=3))])
    look = read(tiny, asked)
    assert [picture.shape for picture in look.pictures] == [(32, 32, 3)] * 2
    assert look.places == [
        activations.Place("tiny", "fc8"),
        activations.Place("tiny", "fc8", 2),
        activations.Place("tiny-res", "conv1", 1, (2, 3)),
    ]


def call(server: Any, request: ActivationsRequest, **options: Any) -> Any:
    return analysis_pb2_grpc.AnalysisServiceStub(server.channel).Activations(request, **options)


async def test_with_the_real_engine(serving: Any, builder: Builder, tiny: Catalog) -> None:
    network = tiny.networks["tiny"]
    images = [png(32, 32, seed) for seed in range(3)]
    places = [Place(model="tiny"), Place(model="tiny", tap="conv2", index=1), Place(model="tiny-res"), Place(model="tiny", index=4)]
    places.append(Place(model="tiny", tap="conv2", position=Position(y=1, x=2)))
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        response = await call(server, ActivationsRequest(images=images, places=places))
    found = [arrays.from_message(array) for array in response.activations]
    assert [array.shape for array in found] == [(3, 7), (3, 8, 8), (3, 7), (3,), (3, 6)]
    seen = torch.from_numpy(np.stack([decoding.decode(data, (32, 32), 2000) for data in images]) / np.float32(255)).permute(0, 3, 1, 2)
    given = network.activations(seen, ["fc8", "conv2"])
    for array, expected in ((found[0], given["fc8"]), (found[1], given["conv2"][:, 1]), (found[4], given["conv2"][:, :, 1, 2])):
        np.testing.assert_allclose(array, expected.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found[3], found[0][:, 4])
    assert dict(response.model_digests) == {name: tiny.cards[name].sha256 for name in ("tiny", "tiny-res")}


async def test_cancelling_frees_the_job_and_a_deadline_ends_it(serving: Any, engine: Any, asked: ActivationsRequest) -> None:
    async with serving() as server:
        left = call(server, asked)
        job = await engine.job()
        left.cancel()
        assert await asyncio.to_thread(job.cancelled.wait, 60)
        done = call(server, asked)
        (await engine.job(1)).emit(Finished(0, (np.arange(7, dtype=np.float32),)))
        assert arrays.from_message((await done).activations[0]).tolist() == [list(range(7))]
        late, job = await engine.job_of(lambda seconds: call(server, asked, timeout=seconds))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert job.deadline is not None
