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
        file = io.BytesIO()
        value.convert("RGB").save(file, format="PNG")
        return file.getvalue()
    raise refusal(field, f"a value of type {type(value).__name__} is not a picture: pass a Result, a PIL image, a path, or a file's bytes")


def _is_pil(value: Any) -> bool:
    return hasattr(value, "convert") and hasattr(value, "getbands")
