"""A photograph with a hole: what is wrong with it, and what is held."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dgnam_proto.v1.synthesis_pb2 import Hole, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_server.rpc import recipe
from PIL import Image, ImageDraw

Read = Callable[..., Any]
Violations = Callable[..., dict[str, str]]


def picture(size: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> bytes:
    image = Image.new("RGB", size, "black")
    if box:
        ImageDraw.Draw(image).rectangle(box, "white")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def hole(box: tuple[int, int, int, int] | None = (16, 16, 47, 47), mask: tuple[int, int] = (64, 64)) -> Hole:
    return Hole(photo=picture((64, 64)), mask=picture(mask, box))


def test_a_hole_has_the_size_that_is_drawn(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, read: Read) -> None:
    pixels.height = pixels.width = 128
    for asked, side in ((request_, 32), (pixels, 128)):
        asked.hole.CopyFrom(hole())
        spec = read(asked)
        assert spec.hole.photo.shape == (side, side, 3) and spec.hole.mask.shape == (side, side)
        assert set(np.unique(spec.hole.mask)) == {0, 1} and spec.hole.mask.mean() == pytest.approx(0.25, abs=0.02)
        assert spec.settings["hold"] == 1
        again = read(recipe.complete(asked, spec, 0))
        assert again.settings == spec.settings and np.array_equal(again.hole.mask, spec.hole.mask)


def test_without_a_hole_nothing_is_held(request_: SynthesizeRequest, read: Read, violations: Violations) -> None:
    assert read(request_).hole is None and read(request_).settings["hold"] == 0
    request_.options["hold"] = 1
    assert violations(request_)["options.hold"].startswith("the request has no hole, so there is nothing to hold")


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        (Hole(photo=picture((64, 64))), "hole.mask", "the file is empty"),
        (Hole(photo=b"GIF", mask=picture((64, 64))), "hole.photo", "the file is not a PNG, JPEG or WebP file"),
        (hole(mask=(32, 64)), "hole.mask", "32 x 64 pixels are not the photograph's 64 x 64: the mask must lie over it"),
        (hole(None), "hole.mask", "in the 32 x 32 pixels that are drawn it has no hole: white is the hole"),
        (hole((0, 0, 63, 63)), "hole.mask", "in the 32 x 32 pixels that are drawn all of it is hole"),
    ],
)
def test_what_is_no_hole(request_: SynthesizeRequest, violations: Violations, given: Hole, field: str, says: str) -> None:
    request_.hole.CopyFrom(given)
    found = violations(request_)
    assert list(found) == [field] and found[field].startswith(says)
