"""Exemplars: every bad field with its path, the stream, what a unit sees, and how drawn pictures compare."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dgnam_models
import grpc
import numpy as np
import pytest
import torch
from dgnam_models import Network, image_set, indexing
from dgnam_models.exemplars import ExemplarIndex
from dgnam_models.receptive_field import receptive_field
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2_grpc, catalog_pb2, catalog_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, ExemplarsRequest, Place
from dgnam_proto.v1.target_pb2 import Position
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.indices import Indices
from dgnam_server.rpc import analysis, decoding, exemplars, payload, percentiles
from dgnam_server.rpc.errors import FailedPrecondition, InvalidRequest, NotFound
from dgnam_server.rpc.fields import Reader
from dgnam_server.settings import Settings
from dgnam_server.synth.spec import Readout, Term, Unit
from files import png
from photograph_sets import photograph_folder

Change = Callable[[ExemplarsRequest], object]


@pytest.fixture
def builder(indexed: Catalog) -> Builder:
    return Builder(indexed, torch.device("cpu"))


@pytest.fixture
def asked() -> ExemplarsRequest:
    return ExemplarsRequest(place=Place(model="tiny", tap="conv2", index=3))


def place(**fields: Any) -> Change:
    return lambda request: request.place.CopyFrom(Place(**{"model": "tiny", **fields}))


def fields(**values: Any) -> Change:
    return lambda request: request.MergeFrom(ExemplarsRequest(**values))


CASES: list[tuple[str, Change, str, str]] = [
    ("no unit", place(tap="conv2"), "place", "it names all of tiny:conv2: name one unit"),
    ("no such unit", place(tap="conv2", index=99), "place.index", "99 is not between 0 and 5"),
    ("position", place(tap="conv2", index=1, position=Position(y=1)), "place.position", "ranked by the strongest of the map's activations"),
    ("none", fields(count=0), "count", "0 is not between 1 and 4; the index noise keeps 4 photographs of each unit"),
    ("more than are kept", fields(count=5), "count", "5 is not between 1 and 4"),
    ("option", fields(options={"steps": 5}), "options.steps", "deconvnet has no options"),
    ("determinism", fields(determinism=9), "determinism", "9 is unknown"),
]


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid(asked: ExemplarsRequest, indexed: Catalog, change: Change, path: str, says: str) -> None:
    change(asked)
    with pytest.raises(InvalidRequest) as caught:
        exemplars.read(Reader(indexed, Settings()), asked)
    (violation,) = caught.value.violations
    assert violation.field == path and says in violation.description


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (fields(index="nose"), NotFound, "there is no index 'nose' of tiny; did you mean noise"),
        (place(tap="conv3", index=1), FailedPrecondition, "the index noise has no units of tiny:conv3; it has conv1, conv2, fc6, fc8"),
        (place(model="tiny-res", tap="conv1", index=1), FailedPrecondition, "the index old is of tiny-res with other weights"),
    ],
)
def test_no_such_index(asked: ExemplarsRequest, indexed: Catalog, change: Change, kind: type[Exception], says: str) -> None:
    change(asked)
    with pytest.raises(kind, match=says):
        exemplars.read(Reader(indexed, Settings()), asked)


def test_a_server_without_indices_says_how_to_make_one(asked: ExemplarsRequest, tiny: Catalog) -> None:
    with pytest.raises(FailedPrecondition, match="no index of photographs for tiny: make one with `dgnam-models index tiny`"):
        exemplars.read(Reader(tiny, Settings()), asked)


async def stream(server: Any, request: ExemplarsRequest) -> list[Any]:
    stub = analysis_pb2_grpc.AnalysisServiceStub(server.channel)
    return [message async for message in stub.Exemplars(request)]


async def test_the_stream(serving: Any, asked: ExemplarsRequest, indexed: Catalog, builder: Builder, index: ExemplarIndex) -> None:
    class_unit = ExemplarsRequest(place=Place(model="tiny", index=2), count=2, method="guided-backpropagation")
    bare = ExemplarsRequest(place=asked.place, project=False)
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(batch_rows=4))) as server:
        messages = await stream(server, asked)
        of_class = [message.result for message in await stream(server, class_unit) if message.HasField("result")]
        without = await stream(server, bare)
        listed = await catalog_pb2_grpc.CatalogServiceStub(server.channel).ListModels(catalog_pb2.ListModelsRequest())
        again = [
            message.result
            async for message in analysis_pb2_grpc.AnalysisServiceStub(server.channel).Project(of_class[0].projection.recipe.project)
            if message.HasField("result")
        ]
    assert [messages[0].WhichOneof("event"), messages[1].WhichOneof("event")] == ["queued", "started"]
    results = sorted((message.result for message in messages if message.HasField("result")), key=lambda one: one.rank)
    kept = index.strongest("conv2", 3, 9)
    assert [one.rank for one in results] == [1, 2, 3, 4]
    for result, one in zip(results, kept, strict=True):
        assert (result.photograph, result.unit, result.label) == (index.images.names[one.photograph][1], 3, "")
        assert result.folder in ("red fox", "ant", "bee") and (result.index, result.photographs) == ("noise", index.header.indexed)
        assert (result.position.y, result.position.x) == one.position and result.activation == pytest.approx(one.activation)
        projected = result.projection
        assert [(at.y, at.x) for at in projected.positions] == [one.position]
        assert list(projected.activations) == pytest.approx([one.activation], rel=1e-4), "the server sees what was indexed"
        values, box = np.abs(arrays.from_message(projected.values)).max(2), result.box
        inside = values[box.top : box.bottom, box.left : box.right]
        assert inside.any() and values.sum() == pytest.approx(inside.sum()), "nothing comes from what the unit does not see"
    assert [message.WhichOneof("event") for message in without] == ["result"] * 4
    assert [one.result.seen for one in without] == [one.seen for one in results] and not without[0].result.HasField("projection")
    assert [one.rank for one in of_class] == [1, 2] and of_class[0].label == "lemon" and not of_class[0].HasField("position")
    assert (of_class[0].box.bottom, of_class[0].box.right) == (32, 32)
    assert again[0].png == of_class[0].projection.png, "its recipe makes the projection again, without the index"
    assert {model.name: list(model.indices) for model in listed.models if model.indices} == {"tiny": ["noise"]}


@pytest.mark.parametrize("tap", ["conv1", "conv2"])
def test_the_box_is_exactly_what_the_unit_sees(tap: str, tiny: Catalog, index: ExemplarIndex) -> None:
    """Noise in all of a row or column of pixels moves the activation if and only if the row or column is of the box."""
    network = tiny.networks["tiny"]
    found = receptive_field(network, tap)
    assert found is not None
    random = torch.Generator().manual_seed(0)
    for unit in range(3):
        (one,) = index.strongest(tap, unit, 1)
        assert one.position is not None
        (data,) = index.read([one.photograph])
        image = torch.from_numpy(decoding.decode(data, (32, 32), 2000).astype(np.float32) / 255).permute(2, 0, 1)
        noisy = image.repeat(64, 1, 1, 1)
        for line in range(32):
            noisy[line, :, line, :] = torch.rand(3, 32, generator=random)
            noisy[32 + line, :, :, line] = torch.rand(3, 32, generator=random)
        values = network.activations(torch.cat([image[None], noisy]), [tap])[tap][:, unit, one.position[0], one.position[1]]
        moved = ((values[1:] - values[0]).abs() > 1e-9).tolist()
        box = found.box(one.position)
        assert [line for line in range(32) if moved[line]] == list(range(box.top, box.bottom))
        assert [line for line in range(32) if moved[32 + line]] == list(range(box.left, box.right))


async def test_a_photograph_that_is_gone(serving: Any, tiny_pack: Path, tiny: Catalog, tmp_path: Path) -> None:
    network = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(network, Network)
    folder = photograph_folder(tmp_path / "photos", 3)
    images = image_set.find([folder])
    found = indexing.build(network, images, indexing.plan(network, images, ["fc8"], strongest=3), tmp_path / "index", progress=False)
    folder.rename(tmp_path / "elsewhere")
    catalog = replace(tiny, indices=Indices({"tiny": [found]}))
    shown = exemplars.read(Reader(catalog, Settings()), ExemplarsRequest(place=Place(model="tiny", index=0)))
    async with serving() as server:
        with pytest.raises(
            FailedPrecondition, match=r"is not there.*say in index.json of the index index where `sources` are now"
        ) as caught:
            await exemplars.pictured(Reader(catalog, Settings()), shown, server.app.pools, server.app.analysis.fields)
    assert caught.value.reason.value == "PHOTOGRAPH" and caught.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_percentiles_of_terms(indexed: Catalog, index: ExemplarIndex) -> None:
    unit = Unit("tiny", "conv2", 3)
    terms = [
        Term(unit),
        Term(replace(unit, position=(1, 1))),
        Term(Unit("tiny", "fc8", 2)),
        Term(Unit("tiny", "fc8", 2), readout=Readout.PROBABILITY),
        Term(Unit("tiny", "conv3", 2)),
        Term(Unit("tiny-res", "conv1", 2)),
    ]
    between = float(index.arrays["values"][:, 1:3].mean())
    middle = index.strongest("conv2", 3, 2)[1].activation
    found = percentiles.of_terms(indexed, terms, np.array([-1e9, middle, 1e9, 0.5, between, between]))
    assert [(one.term, one.percent) for one in found] == [(0, 0), (1, pytest.approx(100 * 10 / 12)), (2, 100)]
    assert {(one.index, one.photographs) for one in found} == {("noise", index.header.indexed)}
    assert found[0].largest == pytest.approx(index.largest("conv2", 3, mean=True)) and found[0].largest < found[1].largest


async def test_activations_are_told_their_percentiles(serving: Any, builder: Builder, index: ExemplarIndex) -> None:
    best = index.strongest("conv2", 3, 1)[0]
    y, x = best.position or (0, 0)
    places = [Place(model="tiny", tap="conv2", index=3), Place(model="tiny", tap="conv3"), Place(model="tiny", tap="conv2")]
    places += [Place(model="tiny"), Place(model="tiny", index=2), Place(model="tiny", tap="conv2", index=3, position=Position(y=y, x=x))]
    request = ActivationsRequest(images=index.read([best.photograph, 0]), places=places)
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(batch_rows=4))) as server:
        answer = await analysis_pb2_grpc.AnalysisServiceStub(server.channel).Activations(request)
    told = {one.place: one for one in answer.percentiles}
    assert set(told) == {0, 2, 3, 4, 5} and {(one.index, one.photographs) for one in told.values()} == {("noise", index.header.indexed)}
    percents = {number: arrays.from_message(one.percents) for number, one in told.items()}
    assert [percents[number].shape for number in sorted(told)] == [(2, 8, 8), (2, 6), (2, 7), (2,), (2,)]
    # Its own activation is not below itself; what the server reads and what was indexed differ by rounding.
    assert percents[5][0] >= 100 * 11 / 12 - 0.01 and percents[0][0].argmax() == y * 8 + x
    assert percents[2][0, 3] == percents[0][0].max() == percents[5][0]
    assert percents[3][1, 2] == percents[4][1]
    largest = arrays.from_message(told[2].largest)
    assert largest.shape == (6,) and largest[3] == pytest.approx(best.activation) == arrays.from_message(told[5].largest)


def test_percentiles_count_in_what_a_response_takes(indexed: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ActivationsRequest(images=[png(32, 32)], places=[Place(model="tiny", tap="fc8"), Place(model="tiny", tap="conv3")])
    conv3 = next(tap.shape for tap in indexed.networks["tiny"].card.taps if tap.name == "conv3")
    monkeypatch.setattr(payload, "MAX_MESSAGE_BYTES", 4 * (7 + 2 * 7 + math.prod(conv3)) - 1)
    with pytest.raises(InvalidRequest, match="name units instead of whole taps"):
        analysis.read(Reader(indexed, Settings()), request)
    monkeypatch.setattr(payload, "MAX_MESSAGE_BYTES", payload.MAX_MESSAGE_BYTES + 1)
    analysis.read(Reader(indexed, Settings()), request)
