"""Arguments -> requests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import Hole, InvalidAddressError, InvalidRequestError, Place, Recipe, SynthesisOptions
from dgnam_client._place import parse_places
from dgnam_client._wire import results
from dgnam_client._wire.analyses import activations_request
from dgnam_client._wire.requests import (
    CODE,
    PIXELS,
    Space,
    draw_request,
    drawing_request,
    replay_request,
    waiting,
)
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2, synthesis_pb2
from PIL import Image

LEMON = "alexnet64:fc8:lemon"
SPACES = pytest.mark.parametrize("space", [CODE, PIXELS], ids=["code", "pixels"])


def request(space: Space = CODE, **options: Any) -> Any:
    return drawing_request(space, LEMON, options)


@SPACES
def test_nothing_given_is_nothing_sent(space: Space) -> None:
    sent = request(space)
    assert [field.name for field, _ in sent.ListFields()] == ["target"]
    nothing = dict.fromkeys([*SynthesisOptions.__annotations__, "variants", "steps", "tv_weight"])
    assert request(space, **nothing) == sent


@SPACES
def test_every_field_is_sent(space: Space, result_message: Any) -> None:
    own: dict[str, Any] = {"prior": "fc6", "start": [1.0, 2.0]}
    if space is PIXELS:
        own = {"start": results.result(result_message())}
    shared: dict[str, Any] = {
        "size": (48, 40),
        "fit": "crop",
        "method": "m",
        "seed": 2**64 - 1,
        "preview_interval": 0,
        "determinism": "strict",
        "include": ["png"],
    }
    shared |= {"priority": "batch", "queue_timeout_s": 2.5, "hole": Hole(b"photo", b"mask")}
    sent = request(
        space, variants=4, balance="none", readout="activation", **shared, **own, steps=np.int64(10), decay=0, churn=np.float32(0.5)
    )
    fields = {field.name for field in sent.DESCRIPTOR.fields} - ({"start_image"} if space is CODE else set())
    assert {field.name for field, _ in sent.ListFields()} == fields
    assert (sent.variants, sent.seed, sent.determinism) == (4, 2**64 - 1, synthesis_pb2.DETERMINISM_STRICT)
    assert (sent.hole.photo, sent.hole.mask) == (b"photo", b"mask")
    assert (sent.priority, sent.queue_timeout_s) == (synthesis_pb2.PRIORITY_BATCH, 2.5)
    assert dict(sent.options) == {"steps": 10, "decay": 0, "churn": 0.5}
    assert (sent.height, sent.width, sent.fit) == (48, 40, synthesis_pb2.FIT_CROP)
    if space is PIXELS:
        assert sent.start_image == own["start"].png


def test_the_options_are_the_fields_of_the_requests() -> None:
    fields = {field.name for space in (CODE, PIXELS) for field in space.request.DESCRIPTOR.fields}
    own = {"balance", "readout", "size", "start"}  # in the target, or under other names
    sent = {"target", "variants", "options", "height", "width", "start_code", "start_image"}
    assert set(SynthesisOptions.__annotations__) - own == fields - sent


@SPACES
def test_any_option_of_a_method_passes(space: Space) -> None:
    assert dict(request(space, one_of_the_future=3, target=1).options) == {"one_of_the_future": 3, "target": 1}


def test_what_has_no_place_in_a_space() -> None:
    with pytest.raises(InvalidRequestError, match="prior: pixel methods draw without a prior"):
        request(PIXELS, prior="fc6")


@SPACES
@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("method", 3, "a text"),
        ("seed", -1, r"an integer from 0 to 2\^64 - 1"),
        ("seed", 2**64, "an integer"),
        ("seed", 1.5, "an integer"),
        ("variants", "two", r"an integer from 0 to 2\^32 - 1"),
        ("preview_interval", 2**32, "an integer"),
        ("queue_timeout_s", "soon", "a number"),
    ],
)
def test_what_a_field_cannot_hold(space: Space, field: str, value: Any, wanted: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{field}: .* is not {wanted}") as caught:
        request(space, **{field: value})
    assert caught.value.violations[0][0] == field


@SPACES
@pytest.mark.parametrize("value", ["many", [1], (48, 48), 1j, object()])
def test_an_option_of_a_method_is_a_number(space: Space, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="^steps: .* is not a number: a method's options are numbers") as caught:
        request(space, steps=value)
    assert caught.value.violations[0][0] == "options.steps"
    with pytest.raises(InvalidRequestError, match="^strat: .* is not a number: did you mean 'start'"):
        request(space, strat=value)


@pytest.mark.parametrize("size", ["x", (1, 2, 3), (), (48, -1), (48, None)])
def test_what_is_no_size(size: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"^(size|height|width): .* is not"):
        request(PIXELS, size=size)


def test_a_size_of_one_number() -> None:
    sent = request(PIXELS, size=48)
    assert (sent.height, sent.width) == (48, 48)


def test_unknown_determinism() -> None:
    with pytest.raises(InvalidRequestError, match="determinism: 'exact' is none of 'rounding', 'strict'"):
        request(determinism="exact")


@pytest.mark.parametrize("include", [["png", "history"], ("history", "png"), {"png", "history"}])
def test_what_is_not_included_is_left_out(include: Any) -> None:
    sent = request(include=include).include
    assert (sent.png, sent.image, sent.code, sent.history) == (True, False, False, True)
    assert all(sent.HasField(name) for name in ("png", "image", "code", "history"))


def test_include_takes_one_name_too() -> None:
    assert request(include="png") == request(include=["png"])
    with pytest.raises(InvalidRequestError, match="include: 'jpg' is none of 'png', 'image', 'code', 'history'"):
        request(include=["jpg"])


def test_start_with_a_picture(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 2), (10, 20, 30, 255))
    path = tmp_path / "start.png"
    image.save(path)
    content = path.read_bytes()
    for form in (path, str(path), content, bytearray(content)):
        assert request(start=form).start_image == content
    sent = Image.open(io.BytesIO(request(start=image).start_image))
    assert sent.format == "PNG" and sent.getpixel((0, 0)) == (10, 20, 30, 255)
    with pytest.raises(FileNotFoundError):
        request(start=tmp_path / "none.png")


def test_start_with_a_code() -> None:
    sent = request(start=np.arange(3))
    assert arrays.from_message(sent.start_code).tolist() == [0, 1, 2]
    with pytest.raises(InvalidRequestError, match=r"start_code: an array of shape \(2, 2, 3\) does not fit: a code is a vector"):
        request(start=np.zeros((2, 2, 3)))
    with pytest.raises(InvalidRequestError, match="start_code: .*only real numbers"):
        request(start=["a"])
    with pytest.raises(InvalidRequestError, match="a value of type int is neither a code nor a picture"):
        request(start=3)


def test_pixels_start_with_a_picture_only() -> None:
    with pytest.raises(InvalidRequestError, match="start: a value of type ndarray is not a picture"):
        request(PIXELS, start=np.zeros(5))


def test_a_recipe_is_replayed_with_all_parts(result_message: Any) -> None:
    message = result_message()
    message.recipe.synthesize.include.png = False
    replayed = replay_request(Recipe(message.recipe))
    assert not replayed.HasField("include")
    assert replayed.options == message.recipe.synthesize.options
    with pytest.raises(InvalidRequestError, match="a value of type int is not a recipe"):
        replay_request(3)  # type: ignore[arg-type]


def test_codes_to_draw() -> None:
    for codes, shape in (([1, 2, 3], [3]), (np.zeros((2, 3)), [2, 3])):
        sent = draw_request(codes, None, None)
        assert list(sent.codes.shape) == shape
        assert [field.name for field, _ in sent.ListFields()] == ["codes"]
    sent = draw_request([1.0], "fc6", ["png"])
    assert sent.prior == "fc6" and sent.include.png and not sent.include.image


@pytest.mark.parametrize(("codes", "says"), [(3, r"shape \(\)"), (np.zeros((1, 2, 3)), r"shape \(1, 2, 3\)"), (["x"], "only real numbers")])
def test_what_is_no_code(codes: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^codes: .*{says}"):
        draw_request(codes, None, None)


def test_pictures_to_look_at(tmp_path: Path, result_message: Any) -> None:
    result = results.result(result_message())
    path = result.save(tmp_path / "lemon.png", recipe=False)
    places = parse_places(["alexnet64", "alexnet64:conv1:3@0,2", Place("alexnet64", "fc8", "lemon")])
    for one in (result, path, str(path), result.png):
        assert list(activations_request(one, places).images) == [result.png]
    sent = activations_request([result, result.image], places)
    assert len(sent.images) == 2
    output, position, label = sent.places
    assert (output.model, output.HasField("tap"), output.WhichOneof("unit")) == ("alexnet64", False, None)
    assert (position.tap, position.index, position.position.y, position.position.x) == ("conv1", 3, 0, 2)
    assert label.label == "lemon" and not label.HasField("position")


@pytest.mark.parametrize(
    ("pictures", "says"),
    [
        ([], "pictures: there is no picture"),
        (3, r"pictures\[0\]: a value of type int is not"),
        ([b"", None], r"pictures\[1\]: a value of type"),
    ],
)
def test_what_is_no_picture(pictures: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        activations_request(pictures, [Place("alexnet64")])


def test_a_place_out_of_range() -> None:
    with pytest.raises(InvalidAddressError, match=r"alexnet64:fc8:-1 is not the address of a tap or a unit: .*Write model:tap"):
        activations_request(b"", [Place("alexnet64", "fc8", -1)])


@pytest.mark.parametrize(
    "plain", [synthesis_pb2.DrawRequest, analysis_pb2.ActivationsRequest, analysis_pb2.ProjectRequest, analysis_pb2.OccludeRequest]
)
def test_how_a_request_waits(plain: type) -> None:
    asked = waiting(plain(), None, None)
    assert not asked.HasField("priority") and not asked.HasField("queue_timeout_s")
    asked = waiting(plain(), "batch", 2.5)
    assert (asked.priority, asked.queue_timeout_s) == (synthesis_pb2.PRIORITY_BATCH, 2.5)
    with pytest.raises(InvalidRequestError, match="priority: 'soon' is none of"):
        waiting(plain(), "soon", None)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="queue_timeout_s: 'long' is not a number"):
        waiting(plain(), None, "long")  # type: ignore[arg-type]
