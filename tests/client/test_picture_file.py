"""PIL images become files that show the same picture: what a server makes of them is what it makes of the file itself."""

import io
from pathlib import Path

import numpy as np
import pytest
from dgnam_client._errors import InvalidRequestError
from dgnam_client._picture_file import picture_file
from dgnam_server.rpc import decoding
from PIL import Image

RAMP = np.linspace(0, 1, 32 * 24).reshape(24, 32)
COLOURS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def seen(data: bytes) -> np.ndarray:
    """The picture as the server sees it."""
    return decoding.decode(data, (24, 32), 10_000).astype(np.float32) / 255


def grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values)


def coloured(mode: str) -> Image.Image:
    return Image.fromarray(COLOURS).convert(mode)


def faded(mode: str) -> Image.Image:
    """The left half is see-through."""
    picture = Image.fromarray(COLOURS).convert("RGBA")
    picture.putalpha(Image.fromarray(np.repeat([[0] * 16 + [255] * 16], 24, 0).astype(np.uint8)))
    return picture.convert(mode)


def indexed() -> Image.Image:
    picture = coloured("P")
    picture.info["transparency"] = picture.getpixel((0, 0))
    return picture


FILES = {
    "16 bits": (lambda: grey((RAMP * 65535).astype(np.uint16)), "PNG"),
    "8 bits": (lambda: grey((RAMP * 255).astype(np.uint8)), "PNG"),
    "one bit": (lambda: coloured("1"), "PNG"),
    "grey, see-through": (lambda: faded("LA"), "PNG"),
    "see-through": (lambda: faded("RGBA"), "PNG"),
    "indexed, see-through": (indexed, "PNG"),
    "CMYK": (lambda: coloured("CMYK"), "JPEG"),
    "YCbCr": (lambda: coloured("YCbCr"), "JPEG"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_object_gives_what_its_file_gives(name: str, tmp_path: Path) -> None:
    make, kind = FILES[name]
    path = tmp_path / "picture"
    make().save(path, kind)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(seen(picture_file(picture, field="start")), seen(picture_file(path, field="start")))


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(lambda: grey((RAMP * 65535).astype(np.int32)), id="I of 16 bits"),
        pytest.param(lambda: grey((RAMP * 255).round().astype(np.int32)), id="I of 8 bits"),
        pytest.param(lambda: grey(RAMP.astype(np.float32)), id="F from 0 to 1"),
        pytest.param(lambda: grey((RAMP * 255).astype(np.float32)), id="F of 8 bits"),
        pytest.param(lambda: grey((RAMP * 65535).astype(np.float32)), id="F of 16 bits"),
        pytest.param(lambda: grey((RAMP * 1.04 - 0.02).astype(np.float32)), id="F a little beyond its range"),
        pytest.param(lambda: Image.frombytes("I;16B", (32, 24), (RAMP * 65535).astype(">u2").tobytes()), id="I;16B"),
    ],
)
def test_every_depth_is_scaled_and_not_cut_off(picture: object) -> None:
    np.testing.assert_allclose(seen(picture_file(picture(), field="start"))[..., 0], RAMP, atol=0.025)  # type: ignore[operator]


@pytest.mark.parametrize("mode", ["LA", "RGBA", "La", "RGBa", "PA"])
def test_what_is_see_through_is_white(mode: str) -> None:
    picture = faded("LA").convert(mode) if mode == "La" else faded("RGBA").convert(mode)
    image = seen(picture_file(picture, field="start"))
    assert image[:, :15].min() > 0.99 > image[:, 17:].min()


@pytest.mark.parametrize("mode", ["RGBX", "HSV", "CMYK", "LAB"])
def test_other_modes_are_converted(mode: str) -> None:
    picture = Image.new(mode, (32, 24))
    assert Image.open(io.BytesIO(picture_file(picture, field="start"))).mode == "RGB"


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    grey((RAMP * 255).astype(np.uint8)).save(tmp_path / "turned.jpg", exif=exif)
    with Image.open(tmp_path / "turned.jpg") as picture:
        image = seen(picture_file(picture, field="start"))
    np.testing.assert_allclose(image[..., 0], RAMP[::-1, ::-1], atol=0.03)


@pytest.mark.parametrize("values", [np.array([[-5.0, 3.0]]), np.array([[0.0, 1e6]]), np.array([[np.nan, 1.0]])])
def test_values_of_no_known_range_are_refused(values: np.ndarray) -> None:
    with pytest.raises(
        InvalidRequestError, match=r"start: a picture of mode F with values from .* is of no known range: scale it to 0 to 1"
    ):
        picture_file(grey(values.astype(np.float32)), field="start")
