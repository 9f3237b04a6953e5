"""Occlude: every bad field with its path, the stream, the recipe."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import OccludeRequest, Place
from dgnam_proto.v1.target_pb2 import Position
from dgnam_server.analysis.occlusion import Square
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc.errors import InvalidRequest
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.occlude import pictured, read
from dgnam_server.settings import Settings
from files import png
from picture_files import decode_here, settled

Change = Callable[[OccludeRequest], object]


@pytest.fixture
def asked() -> OccludeRequest:
    return OccludeRequest(images=[png(32, 32)], places=[Place(model="tiny")])


def fields(**values: Any) -> Change:
    return lambda request: request.MergeFrom(OccludeRequest(**values))


def also(**place: Any) -> Change:
    return lambda request: request.places.append(Place(**place))


CASES: list[tuple[str, Change, str, str]] = [
    ("no images", lambda r: r.ClearField("images"), "images", "0 are not between 1 and 64"),
    ("no places", lambda r: r.ClearField("places"), "places", "0 are not 1 or 2: a feature map, a class, or both"),
    ("two networks", also(model="tiny-res", tap="conv1"), "places[1].model", "tiny-res is not tiny: both must be of one network"),
    ("two classes", also(model="tiny", index=1), "places[1].tap", "one of the two must be a unit of the output tap fc8"),
    ("a position", also(model="tiny", tap="conv5", position=Position()), "places[1].position", "the whole map is watched"),
    ("no square", fields(size=0), "size", "0 is not an integer between 1 and 32"),
    ("a huge square", fields(size=33), "size", "33 is not an integer between 1 and 32"),
    ("no stride", fields(stride=0), "stride", "0 is not an integer between 1 and 32"),
    ("too many places", lambda r: (fields(stride=1)(r), r.images.extend([png(32, 32)] * 20)), "stride", "21504 places of the square"),
    ("two colours", fields(colour=[0.1, 0.2]), "colour", "2 numbers are neither red, green and blue nor one for a grey"),
    ("a bright colour", fields(colour=[0, 255, 0]), "colour", "255 is not between 0 and 1"),
    ("half an image", lambda r: r.images.append(png(400, 300)[:-60]), "images[1]", "the file is damaged or cut short"),
]


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_invalid(asked: OccludeRequest, tiny: Catalog, change: Change, path: str, says: str) -> None:
    change(asked)
    reader = Reader(tiny, Settings())
    with pytest.raises(InvalidRequest) as caught:
        settled(pictured(reader, asked, read(reader, asked), decode_here))
    (violation,) = caught.value.violations
    assert violation.field == path and says in violation.description


def test_what_is_watched(asked: OccludeRequest, tiny: Catalog) -> None:
    def watched(*places: Place) -> tuple[Any, ...]:
        del asked.places[:]
        asked.places.extend(places)
        spec = read(Reader(tiny, Settings()), asked)
        return spec.tap, spec.unit, spec.class_

    map_, class_ = Place(model="tiny", tap="conv4", index=2), Place(model="tiny", label="lemon")
    assert watched(Place(model="tiny")) == ("pool5", None, None)
    assert watched(class_) == ("pool5", None, 2)
    assert watched(map_) == ("conv4", 2, None)
    assert watched(Place(model="tiny", tap="fc6")) == ("fc6", None, None)
    assert watched(class_, map_) == watched(map_, class_) == ("conv4", 2, 2)
    assert read(Reader(tiny, Settings()), asked).square == Square(7, 2, (0.5, 0.5, 0.5))
    fields(size=5, stride=9, colour=[0.25])(asked)
    assert read(Reader(tiny, Settings()), asked).square == Square(5, 9, (0.25, 0.25, 0.25))


async def test_with_the_real_engine(serving: Any, builder: Builder, tiny: Catalog, asked: OccludeRequest) -> None:
    asked.images.append(png(32, 32, 1))
    fields(stride=8, size=8)(asked)
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        stub = analysis_pb2_grpc.AnalysisServiceStub(server.channel)
        messages = [message async for message in stub.Occlude(asked)]
        found = {message.result.picture: message.result for message in messages if message.HasField("result")}
        (*_, again) = [message async for message in stub.Occlude(found[1].recipe.occlude)]
    kinds = [message.WhichOneof("event") for message in messages]
    assert kinds[:2] == ["queued", "started"] and "progress" in kinds and kinds.count("result") == 2
    moved = [one for message in messages for one in message.progress.pictures]
    assert all(one.total_steps == 17 and 0 < one.step < 17 for one in moved)
    for result in found.values():
        maps = [arrays.from_message(array) for array in (result.activation_map, result.probability_map)]
        assert [array.shape for array in maps] == [(4, 4)] * 2 and len(result.top_classes) == 16
        assert np.ptp(maps[0]) > 0 and 0 < maps[1].min() < maps[1].max() < 1
        assert result.class_index == result.top_class and result.class_label == tiny.cards["tiny"].labels[result.top_class]
        assert set(result.labels) == {result.top_class, *result.top_classes}
        assert all(data.startswith(b"\x89PNG") for data in (result.seen, result.activation_png, result.probability_png, result.classes_png))
    assert [place.tap for place in found[1].recipe.occlude.places] == ["pool5", "fc8"]
    np.testing.assert_allclose(arrays.from_message(again.result.activation_map), arrays.from_message(found[1].activation_map), rtol=1e-5)
