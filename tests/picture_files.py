"""Picture files for tests, harmless and hostile; and what decodes them in this process."""

import io
import struct
import zlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest
from dgnam_server.rpc import decoding
from PIL import Image

T = TypeVar("T")


async def decode_here(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """As a Decoder does it, in this process."""
    return decoding.decode(data, size, 16_000_000).astype(np.float32) / 255


def settled(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never waits returns."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value  # type: ignore[no-any-return]


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The file of a picture."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(width: int, height: int, kind: str = "PNG", **options: Any) -> bytes:
    """The file of a picture that no format makes smaller."""
    return saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)), kind, **options)


def of_many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG file in which one scan stands again and again: a few bytes each, and each a pass over all pixels."""
    data = saved(Image.new("RGB", (width, height), "orange"), "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:last] + data[last:end] * scans + data[end:]


def claiming(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that claims to be of this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", b"")
