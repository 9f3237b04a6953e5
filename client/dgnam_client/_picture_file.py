"""Pictures that arguments may be: told apart without importing PIL, and turned into a file's bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from ._picture import Picture
from ._wire.fields import refusal

if TYPE_CHECKING:
    from PIL import Image

# What PNG holds as it is, transparency included; other modes become the nearest of them.
_KEPT = ("1", "L", "LA", "P", "RGB", "RGBA")
_NEAREST = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
# The ranges that pictures of whole numbers or floats come in.
_RANGES = (1, 255, 65535)
_OVERSHOOT = 0.25  # scaling a picture of floats leaves values a little beyond its range

PictureLike = Union[Picture, "Image.Image", str, "os.PathLike[str]", bytes]


def is_picture(value: Any) -> bool:
    """Whether a value is a picture in one of the forms that arguments take: a file's bytes, a path, a PIL image, a Picture."""
    return isinstance(value, bytes | bytearray | memoryview | str | os.PathLike | Picture) or _is_pil(value)


def picture_file(value: Any, *, field: str) -> bytes:
    """A picture file's bytes, from themselves, a path, a PIL image, or a Picture such as a Result.

    Raises:
        InvalidRequestError: It is none of them.
        OSError: The file cannot be read.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str | os.PathLike):
        return Path(value).read_bytes()
    if isinstance(value, Picture):
        return value.png
    if _is_pil(value):
        return _png(value, field)
    raise refusal(field, f"a value of type {type(value).__name__} is not a picture: pass a Result, a PIL image, a path, or a file's bytes")


def _png(picture: Image.Image, field: str) -> bytes:
    """A PIL image as the PNG file of the same picture: upright, with its transparency, and with 16 bits where it has more than 8."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode[0] in "IF":
        upright = _sixteen_bits(upright, field)
    elif upright.mode not in _KEPT:
        upright = upright.convert(_NEAREST.get(upright.mode, "RGB"))
    file = io.BytesIO()
    upright.save(file, format="PNG")
    return file.getvalue()


def rgb(picture: Image.Image) -> Image.Image:
    """A PIL image to show, in the mode RGB: as `picture_file` sends it, transparent parts white, 16 bits scaled to 8.

    Raises:
        InvalidRequestError: It is of floats or whole numbers of no known range.
    """
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(_png(picture, "pictures"))) as sent:
        if sent.mode.startswith("I"):
            return Image.fromarray((np.asarray(sent, np.float32) / 257).round().astype(np.uint8)).convert("RGB")
        if not sent.has_transparency_data:
            return sent.convert("RGB")
        return Image.alpha_composite(Image.new("RGBA", sent.size, "white"), sent.convert("RGBA")).convert("RGB")


def opened(file: bytes, field: str) -> Image.Image:
    """A picture file as an RGB image to work on, as a server would see it.

    Raises:
        InvalidRequestError: It is not a picture.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(file)) as picture:
            return rgb(picture)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises of a file that is not one, or is damaged
        raise refusal(field, "the file is not a picture, or is damaged; give a PNG, JPEG or WebP file") from None


def _sixteen_bits(picture: Image.Image, field: str) -> Image.Image:
    """A picture of the modes I;16, I and F as I;16. Of the last two, nothing but its values tells the range.

    Raises:
        InvalidRequestError: The values are of no known range.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(picture, dtype=np.float64)
    least, most = values.min(), values.max()
    if picture.mode.startswith("I;16"):
        full: int | None = 65535
    else:
        known, slack = (_RANGES, _OVERSHOOT) if picture.mode == "F" else (_RANGES[1:], 0.0)
        full = next((top for top in known if most <= top * (1 + slack) and least >= -most * slack), None)
    if full is None:
        found = f"a picture of mode {picture.mode} with values from {least:g} to {most:g}"
        raise refusal(field, f"{found} is of no known range: scale it to 0 to 1 (mode F), or convert it to L or RGB")
    return Image.fromarray((values.clip(0, full) * (65535 / full)).round().astype(np.uint16))


def _is_pil(value: Any) -> bool:
    return hasattr(value, "convert") and hasattr(value, "getbands")
