"""Both requests: every bad field with its path, and what a good request becomes."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dgnam_models import Network, Preprocessing
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_STRICT, FIT_CROP, FIT_RESIZE, Include, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import BALANCE_EQUAL_ACTIVATION, READOUT_PROBABILITY, Array, Position, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import decoding
from dgnam_server.rpc.errors import InvalidRequest, NotFound
from dgnam_server.synth import memory
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.spec import Balance, Fit, Readout
from google.rpc import error_details_pb2
from PIL import Image
from torch import nn

Change = Callable[[Any], object]
Read = Callable[..., Any]


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(stream, kind)
    return stream.getvalue()


def cut_short() -> bytes:
    return picture(400, 400)[:-80]


def assign(**values: object) -> Change:
    def change(request: Any) -> None:
        for name, value in values.items():
            setattr(request, name, value)

    return change


def code(shape: list[int], values: int) -> Change:
    return lambda request: request.start_code.CopyFrom(Array(shape=shape, data=bytes(4 * values)))


BOTH: list[tuple[str, Change, str, str]] = [
    ("no terms", lambda r: r.ClearField("target"), "target.terms", "a target needs at least one term"),
    ("option", lambda r: r.options.update(steps=0), "options.steps", "0 is not an integer between 1 and 2000"),
    ("determinism", assign(determinism=3), "determinism", "3 is unknown; it may be DETERMINISM_ROUNDING, DETERMINISM_STRICT"),
    ("no variants", assign(variants=0), "variants", "0 is not between 1 and 64"),
    ("too many variants", assign(variants=65), "variants", "65 is not between 1 and 64"),
    ("seed", assign(seed=2**63 - 4, variants=4), "seed", "9223372036854775804 is not between 0 and 9223372036854775803"),
    ("empty image", assign(start_image=b""), "start_image", "the file is empty; send a PNG, JPEG or WebP file"),
    ("no image", assign(start_image=b"GIF89a and so on"), "start_image", "the file is not a PNG, JPEG or WebP file"),
    ("image of another format", assign(start_image=picture(40, 40, "BMP")), "start_image", "the file is not a PNG, JPEG or WebP file"),
    ("truncated image", assign(start_image=cut_short()), "start_image", "the file is damaged or cut short: "),
    ("a dot", assign(start_image=picture(1, 1)), "start_image", "1 x 1 pixels are too few; each side needs at least 16"),
    ("a huge image", assign(start_image=picture(5000, 4000)), "start_image", "5000 x 4000 pixels are more than 16000000; scale"),
]
BOTH += [
    ("fit", assign(fit=3), "fit", "3 is unknown; it may be FIT_RESIZE, FIT_CROP"),
    ("too narrow", assign(width=8), "width", "8 is not between 16 and 16384"),
    ("too flat", assign(height=0), "height", "0 is not between 16 and 16384"),
    ("too high", assign(height=5_000_000, width=16), "height", "5000000 is not between 16 and 16384"),
    ("too large", assign(height=4096, width=4096), "height", "4096 x 4096 pixels are more than 262144"),
]
CODE: list[tuple[str, Change, str, str]] = [
    ("a classifier as prior", assign(prior="tiny"), "prior", "tiny is a classifier and draws no pictures; the priors are "),
    (
        "a pixel method",
        assign(method="tv"),
        "method",
        "tv optimizes pixels: call SynthesizePixels for it; the methods of Synthesize are dgn-am",
    ),
    ("code of another size", code([23], 23), "start_code.shape", "[23] is not [24], the shape of a code of tiny-prior"),
    ("code as a matrix", code([1, 24], 24), "start_code.shape", "[1, 24] is not [24], the shape of a code of tiny-prior"),
    ("code cut short", code([24], 23), "start_code.data", "96 bytes"),
    ("NaN code", lambda r: r.start_code.CopyFrom(arrays.to_message([np.nan] * 24)), "start_code.data", "some values are infinite or not"),
]
PIXELS: list[tuple[str, Change, str, str]] = [
    ("a prior's method", assign(method="dgn-am"), "method", "dgn-am draws with a prior: call Synthesize for it; the methods of"),
]
CASES = [("request_", *case) for case in BOTH + CODE] + [("pixels", *case) for case in BOTH + PIXELS]


@pytest.mark.parametrize(("kind", "change", "path", "says"), [(c[0], *c[2:]) for c in CASES], ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_invalid(kind: str, change: Change, path: str, says: str, violations: Any, request: pytest.FixtureRequest) -> None:
    asked = request.getfixturevalue(kind)
    change(asked)
    told = violations(asked)
    assert set(told) == {path}
    assert says in told[path]


NOT_FOUND: list[tuple[str, Change, str, str, str]] = [
    ("prior", assign(prior="tiny-prio"), "prior", "tiny-prio", "prior: there is no prior 'tiny-prio'; did you mean tiny-prior"),
    ("method", assign(method="dgn"), "method", "dgn", "method: there is no method 'dgn'; did you mean dgn-am"),
    ("a label", lambda r: setattr(r.target.terms[0].unit, "label", "lemmon"), "unit", "tiny:fc8:lemmon", "did you mean lemon"),
]


@pytest.mark.parametrize(("change", "kind", "name", "says"), [case[1:] for case in NOT_FOUND], ids=[case[0] for case in NOT_FOUND])
def test_not_found(request_: SynthesizeRequest, read: Read, change: Change, kind: str, name: str, says: str) -> None:
    change(request_)
    with pytest.raises(NotFound) as caught:
        read(request_)
    resource = error_details_pb2.ResourceInfo()
    assert caught.value.status().details[1].Unpack(resource)
    assert (resource.resource_type, resource.resource_name) == (kind, name)
    assert says in caught.value.message


def test_everything_wrong_is_told_at_once(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, violations: Any) -> None:
    for asked in (request_, pixels):
        asked.target.terms[0].weight = 0
        asked.target.terms.add(unit=Unit(model="nobody", tap="fc8", index=2))
        asked.options.update({"nothing": 0, "steps": float("nan")})
        asked.start_image, asked.variants = b"x", 1000
    request_.prior, pixels.height = "nothing", 1
    shared = {"target.terms[0].weight", "target.terms[1].unit.model", "options.nothing", "options.steps", "start_image", "variants"}
    assert set(violations(request_)) == shared | {"prior"}
    assert set(violations(pixels)) == shared | {"height"}


def test_nothing_is_decoded_for_a_wrong_request(pixels: SynthesizePixelsRequest, violations: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    monkeypatch.setattr(decoding, "decode", lambda data, size, most: decoded.append(size))
    pixels.target.terms.add(unit=Unit(model="tiny", tap="conv2", features_of=picture(40, 40)))
    pixels.height, pixels.width, pixels.start_image = 5_000_000, 1, picture(40, 40)
    assert set(violations(pixels)) == {"height", "width"}
    assert not decoded


def test_memory_is_known_before(pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read, violations: Any) -> None:
    pixels.height = pixels.width = 512
    read(pixels)
    told = violations(pixels, max_batch_mib=16)["height"]
    assert told.startswith("512 x 512 pixels need about ") and told.endswith("more than 16: ask for a smaller picture")
    one = memory.row_bytes([tiny.networks["tiny"]], (64, 64))
    assert memory.row_bytes([tiny.networks["tiny"]] * 3, (64, 64)) == one, "one network runs once, whatever is read off it"
    assert one < memory.row_bytes(tiny.networks.values(), (64, 64)) < memory.row_bytes(tiny.networks.values(), (128, 64))


def test_a_result_too_large_for_a_message(pixels: SynthesizePixelsRequest, read: Read, violations: Any) -> None:
    pixels.height = pixels.width = 2048
    limits = {"max_pixels": 2048 * 2048, "max_batch_mib": 2**20}
    assert violations(pixels, **limits)["include"].startswith("the response would take 112 MiB, more than the 64 MiB of a message: ")
    pixels.include.CopyFrom(Include(code=False, alpha=False))
    assert read(pixels, **limits).size == (2048, 2048)


def test_defaults(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read) -> None:
    for asked, method, prior, size in ((request_, "dgn-am", "tiny-prior", (32, 32)), (pixels, "pyramid", "", (32, 32))):
        spec = read(asked)
        assert (spec.method, spec.prior, spec.size) == (method, prior, size)
        assert (spec.seed, spec.variants, spec.preview_interval, spec.strict) == (0, 1, 0, False)
        assert (spec.balance, spec.terms[0].weight, spec.terms[0].readout) == (Balance.NONE, 1.0, Readout.ACTIVATION)
        assert spec.start.code is spec.start.image is None
        assert spec.fit is (Fit(tiny.cards["tiny-prior"].fit) if prior else Fit.RESIZE)
        assert set(spec.settings) == {option.name for option in METHODS[method].options}
        assert spec.steps == 200
        assert read(asked, max_steps=50).steps == 50


def test_size_and_fit_are_any_methods(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, read: Read) -> None:
    for asked in (request_, pixels):
        assign(height=224, width=200, fit=FIT_CROP)(asked)
        assert (read(asked).size, read(asked).fit) == ((224, 200), Fit.CROP)
        asked.fit = FIT_RESIZE
        asked.ClearField("width")
        assert (read(asked).size, read(asked).fit) == ((224, 32), Fit.RESIZE)


@pytest.mark.parametrize("option", ["cam_weight", "end_cam_weight"])
def test_an_activation_map_needs_maps(pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read, violations: Any, option: str) -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5), nn.ReLU(), nn.Linear(5, 4))
    odd = replace(tiny, networks={**tiny.networks, "flat": Network.of(flat, "flat", Preprocessing((32, 32)))})
    pixels.options[option] = 0.5
    read(pixels, odd)
    pixels.target.terms.add(unit=Unit(model="flat", tap="3", index=1))
    with pytest.raises(
        InvalidRequest, match="options.cam_weight: flat has no convolutional tap on the way to 3, so there is no activation"
    ):
        read(pixels, odd)
    pixels.options[option] = 0.0
    read(pixels, odd)


def test_everything_set(request_: SynthesizeRequest, read: Read) -> None:
    request_.target.terms[0].unit.CopyFrom(Unit(model="tiny", tap="conv2", index=0, position=Position(y=7, x=0)))
    request_.target.terms.append(Term(unit=Unit(model="tiny", tap="fc8", index=2), readout=READOUT_PROBABILITY, weight=-0.5))
    request_.target.terms.add(unit=Unit(model="tiny-res", tap="conv1", index=1))
    request_.target.balance = BALANCE_EQUAL_ACTIVATION
    assign(seed=2**62, variants=3, preview_interval=2, determinism=DETERMINISM_STRICT)(request_)
    request_.options.update({"steps": 7, "start_learning_rate": 0.1, "end_learning_rate": 0.5})
    request_.start_code.CopyFrom(arrays.to_message(np.arange(24)))
    spec = read(request_)
    assert [(t.unit.model, t.unit.tap, t.unit.index, t.unit.position, t.weight, t.readout) for t in spec.terms] == [
        ("tiny", "conv2", 0, (7, 0), 1.0, Readout.ACTIVATION),
        ("tiny", "fc8", 2, None, -0.5, Readout.PROBABILITY),
        ("tiny-res", "conv1", 1, None, 1.0, Readout.ACTIVATION),
    ]
    assert (spec.steps, spec.settings["start_learning_rate"], spec.settings["end_learning_rate"]) == (7, 0.1, 0.5)
    assert (spec.balance, spec.seed, spec.variants, spec.preview_interval, spec.strict) == (Balance.EQUAL_ACTIVATION, 2**62, 3, 2, True)
    assert spec.start.code is not None
    np.testing.assert_array_equal(spec.start.code, np.arange(24))


def test_a_start_image_has_the_encoders_size_or_the_pictures(
    request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, read: Read
) -> None:
    request_.start_image = pixels.start_image = picture(80, 50, "JPEG")
    pixels.height, pixels.width = 40, 48
    for asked, shape in ((request_, (32, 32, 3)), (pixels, (40, 48, 3))):
        image = read(asked).start.image
        assert image is not None
        assert (image.shape, image.dtype) == (shape, np.float32)
        assert image[..., 0].min() > 0.95
