"""Picture files: orientation, transparency, depth, size and rounding."""

import io
import struct
import zlib

import numpy as np
import pytest
from dgnam_server.rpc import decoding
from PIL import Image


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def decode(data: bytes, size: tuple[int, int], most_pixels: int) -> np.ndarray:
    return decoding.decode(data, size, most_pixels).astype(np.float32) / 255


@pytest.mark.parametrize("kind", decoding.FORMATS)
def test_formats(kind: str) -> None:
    image = decode(saved(Image.new("RGB", (64, 48), (255, 0, 128)), kind), (24, 32), 10_000)
    assert (image.shape, image.dtype) == ((24, 32, 3), np.float32)
    np.testing.assert_allclose(image[12, 16], [1, 0, 128 / 255], atol=0.03)


def test_crops_about_the_centre() -> None:
    levels = np.zeros((20, 60, 3), np.uint8)
    levels[:, 20:40] = 255
    assert decode(saved(Image.fromarray(levels)), (20, 20), 10_000).min() == 1


def test_orientation() -> None:
    levels = np.zeros((16, 16, 3), np.uint8)
    levels[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image = decode(saved(Image.fromarray(levels), exif=exif), (16, 16), 10_000)
    assert image[:8].max() == 0
    assert image[8:].min() == 1


def test_transparent_becomes_white() -> None:
    assert decode(saved(Image.new("RGBA", (16, 16), (0, 0, 0, 0))), (16, 16), 10_000).min() == 1


def test_sixteen_bits_are_scaled() -> None:
    image = decode(saved(Image.fromarray(np.full((16, 16), 32768, np.uint16))), (16, 16), 10_000)
    np.testing.assert_allclose(image, 0.5, atol=0.01)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA"])
def test_modes(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert decode(saved(Image.new(mode, (16, 16)), kind), (16, 16), 10_000).shape == (16, 16, 3)


@pytest.mark.parametrize("side", [20_000, 10_000, 200])
def test_size_is_checked_before_decoding(side: int) -> None:
    """A file of a few bytes that claims to be large is refused by its header, without the memory for its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(ValueError, match="more than 10000; scale"):
        decode(data, (32, 32), 10_000)


@pytest.mark.parametrize("kind", decoding.FORMATS)
def test_damage_is_told(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    for end in (4, 20, 40, len(data) // 2):
        with pytest.raises(ValueError, match="the file is not a PNG|the file is damaged or cut short"):
            decode(data[:end], (32, 32), 10_000)
