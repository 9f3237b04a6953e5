"""Transform: every bad field with its path, the stream, the recipe."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2, analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import Place, TransformRequest
from dgnam_proto.v1.target_pb2 import Position
from dgnam_server.analysis.invariance import Change, defaults
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc.errors import InvalidRequest
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.transform import pictured, read
from dgnam_server.settings import Settings
from files import png
from picture_files import decode_here, settled

Alter = Callable[[TransformRequest], object]


@pytest.fixture
def asked() -> TransformRequest:
    return TransformRequest(images=[png(32, 32)], places=[Place(model="tiny")])


def fields(**values: Any) -> Alter:
    return lambda request: request.MergeFrom(TransformRequest(**values))


def also(*places: dict[str, Any]) -> Alter:
    return lambda request: request.places.extend(Place(**place) for place in places)


CASES: list[tuple[str, Alter, str, str]] = [
    ("no images", lambda r: r.ClearField("images"), "images", "0 are not between 1 and 64"),
    ("no places", lambda r: r.ClearField("places"), "places", "0 are not between 1 and"),
    ("two networks", also({"model": "tiny-res", "tap": "conv1"}), "places[1].model", "tiny-res is not tiny: all must be of one network"),
    ("two classes", also({"model": "tiny", "index": 1}, {"model": "tiny", "label": "lemon"}), "places[2]", "a class is there already"),
    ("a unit of a layer", also({"model": "tiny", "tap": "conv5", "index": 1}), "places[1].index", "write tiny:conv5"),
    ("a position", also({"model": "tiny", "tap": "conv5", "position": Position()}), "places[1].position", "whole layers are compared"),
    ("moved out of sight", fields(translations=[4, 33]), "translations[1]", "33 is not between -32 and 32"),
    ("turned twice", fields(rotations=[720]), "rotations[0]", "720 is not between -360 and 360"),
    ("scaled away", fields(scales=[1, 0]), "scales[1]", "0 is not between 0.25 and 4"),
    ("no number", fields(scales=[float("nan")]), "scales[0]", "nan is not between"),
    ("too many changes", fields(rotations=[5] * 20_000), "images", "20001 looks at all pictures together are more than 20000"),
    ("two colours", fields(colour=[0.1, 0.2]), "colour", "2 numbers are neither red, green and blue nor one for a grey"),
    ("half an image", lambda r: r.images.append(png(400, 300)[:-60]), "images[1]", "the file is damaged or cut short"),
]


@pytest.mark.parametrize(("alter", "path", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid(asked: TransformRequest, tiny: Catalog, alter: Alter, path: str, says: str) -> None:
    alter(asked)
    reader = Reader(tiny, Settings())
    with pytest.raises(InvalidRequest) as caught:
        settled(pictured(reader, asked, read(reader, asked), decode_here))
    (violation,) = caught.value.violations
    assert violation.field == path and says in violation.description


def test_what_is_measured(asked: TransformRequest, tiny: Catalog) -> None:
    def measured(*places: Place) -> tuple[Any, ...]:
        del asked.places[:]
        asked.places.extend(places)
        spec = read(Reader(tiny, Settings()), asked)
        return spec.taps, spec.class_

    assert measured(Place(model="tiny")) == (("conv1", "relu7"), None)
    assert measured(Place(model="tiny", label="lemon")) == (("conv1", "relu7"), 2)
    assert measured(Place(model="tiny", tap="fc8")) == (("fc8",), None)
    layers = Place(model="tiny", tap="conv4"), Place(model="tiny", tap="conv2"), Place(model="tiny", tap="conv4")
    assert measured(*layers, Place(model="tiny", tap="fc8", index=3)) == (("conv4", "conv2"), 3)
    assert read(Reader(tiny, Settings()), asked).changes == defaults(32)
    fields(scales=[2], translations=[-4])(asked)
    assert read(Reader(tiny, Settings()), asked).changes == (Change("translation", -4), Change("scale", 2))


async def test_with_the_real_engine(serving: Any, builder: Builder, tiny: Catalog, asked: TransformRequest) -> None:
    asked.images.append(png(32, 32, 1))
    fields(translations=[-8, 0, 8], scales=[1, 1.5])(asked)
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        stub = analysis_pb2_grpc.AnalysisServiceStub(server.channel)
        messages = [message async for message in stub.Transform(asked)]
        found = {message.result.picture: message.result for message in messages if message.HasField("result")}
        (*_, again) = [message async for message in stub.Transform(found[1].recipe.transform)]
    kinds = [message.WhichOneof("event") for message in messages]
    assert kinds[:2] == ["queued", "started"] and "progress" in kinds and kinds.count("result") == 2
    assert all(one.total_steps == 6 and 0 < one.step < 6 for message in messages for one in message.progress.pictures)
    for result in found.values():
        assert result.taps == ["conv1", "relu7"] and min(result.lengths) > 0
        assert result.class_label == tiny.cards["tiny"].labels[result.class_index] and result.seen.startswith(b"\x89PNG")
        moved, scaled = result.curves
        assert (moved.change, scaled.change) == (analysis_pb2.CHANGE_TRANSLATION, analysis_pb2.CHANGE_SCALE)
        assert list(moved.amounts) == [-8, 0, 8] and len(moved.probabilities) == len(moved.top_classes) == 3
        distances = arrays.from_message(moved.distances)
        assert distances.shape == (2, 3) and (distances[:, [0, 2]] > 0.01).all()
        np.testing.assert_allclose(distances[:, 1], 0, atol=1e-4)
        assert moved.probabilities[1] == pytest.approx(result.probability, rel=1e-5)
        assert set(result.labels) == {result.top_class, *moved.top_classes, *scaled.top_classes}
    np.testing.assert_allclose(
        arrays.from_message(again.result.curves[0].distances), arrays.from_message(found[1].curves[0].distances), rtol=1e-4, atol=1e-4
    )
