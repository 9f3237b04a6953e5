"""What the first bytes of a picture file say: its size, its pictures, its scans. Nothing is decoded, and little is read.

The files come from strangers, and this runs beside everybody's requests: each loop here jumps from part to part and gives up after
MOST_PARTS of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_PARTS = 4000  # chunks or segments; a picture with all its colour profiles and descriptions has a few dozen
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)  # within pixels, FF 00 stands for a value and FF D0 to D7 mark nothing new
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers SOF0 to SOF15
_SCAN, _END, _BARE = 0xDA, 0xD9, 0x01  # the last has no length after it


@dataclass(frozen=True)
class Header:
    """Width and height in pixels; `frames`: pictures of an animation; `scans`: passes over the pixels of a JPEG file."""

    width: int
    height: int
    frames: int = 1
    scans: int = 1


def read(data: bytes) -> Header:
    """The header of a PNG, JPEG or WebP file.

    Raises:
        ValueError: it is none of them, or damaged or cut short before its pixels.
    """
    if not data:
        raise ValueError("the file is empty; send a PNG, JPEG or WebP file")
    try:
        if data.startswith(_PNG):
            return _png(data)
        if data.startswith(_JPEG):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except IndexError:
        raise ValueError("the file is damaged or cut short: it ends within its header") from None
    raise ValueError("the file is not a PNG, JPEG or WebP file")


def _png(data: bytes) -> Header:
    width, height, frames, place = 0, 0, 1, len(_PNG)
    for _ in _parts():
        kind = _exactly(data, place + 4, 4)
        if kind == b"IHDR":
            width, height = _big(data, place + 8, 4), _big(data, place + 12, 4)
        elif kind == b"acTL":
            frames = _big(data, place + 8, 4)
        elif kind in (b"IDAT", b"IEND"):
            break
        place += 12 + _big(data, place, 4)
    return Header(width, height, frames)


def _jpeg(data: bytes) -> Header:
    width = height = scans = 0
    place = 2
    for _ in _parts():
        found = _MARKER.search(data, place)
        if found is None:  # the pixels are cut short, which the decoder tells better
            break
        marker, place = data[found.end() - 1], found.end()
        if marker == _END:
            break
        if marker in _SIZES and not width:
            height, width = _big(data, place + 3, 2), _big(data, place + 5, 2)
        scans += marker == _SCAN
        place += 0 if marker == _BARE else _big(data, place, 2)
    if not scans:
        raise ValueError("the file is damaged or cut short: it ends within its header")
    return Header(width, height, scans=scans)


def _webp(data: bytes) -> Header:
    kind, place = _exactly(data, 12, 4), 20
    if kind == b"VP8 ":
        return Header(_little(data, place + 6, 2) & 0x3FFF, _little(data, place + 8, 2) & 0x3FFF)
    if kind == b"VP8L":
        sides = _little(data, place + 1, 4)
        return Header((sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X":
        raise IndexError
    frames, after = 0, 12
    for _ in _parts():
        if after + 8 > len(data):
            break
        frames += data[after : after + 4] == b"ANMF"
        length = _little(data, after + 4, 4)
        after += 8 + length + length % 2
    return Header(_little(data, place + 4, 3) + 1, _little(data, place + 7, 3) + 1, max(1, frames))


def _parts() -> Iterator[int]:
    yield from range(MOST_PARTS)
    raise ValueError(f"the file has more than {MOST_PARTS} parts; save the picture anew")


def _exactly(data: bytes, start: int, length: int) -> bytes:
    if start + length > len(data):
        raise IndexError
    return data[start : start + length]


def _big(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(_exactly(data, start, length), "big")


def _little(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(_exactly(data, start, length), "little")
