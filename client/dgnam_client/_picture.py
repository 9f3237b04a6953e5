"""Pictures that arguments may be: told apart without importing PIL, and turned into a file's bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from ._errors import InvalidRequestError


def is_picture(value: Any) -> bool:
    """Whether a value is a picture in one of the forms that arguments take: a file's bytes, a path, a PIL image, a Result."""
    return isinstance(value, bytes | bytearray | memoryview | str | os.PathLike) or _is_pil(value) or _is_result(value)


def picture_file(value: Any, *, field: str) -> bytes:
    """A picture file's bytes, from themselves, a path, a PIL image, or a Result.

    Raises:
        InvalidRequestError: It is none of them.
        OSError: The file cannot be read.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str | os.PathLike):
        return Path(value).read_bytes()
    if _is_result(value):
        return bytes(value.png)
    if _is_pil(value):
        file = io.BytesIO()
        value.convert("RGB").save(file, format="PNG")
        return file.getvalue()
    description = f"a {type(value).__name__} is not a picture: pass a Result, a PIL image, a path, or a file's bytes"
    raise InvalidRequestError(f"{field}: {description}", violations=[(field, description)])


def _is_pil(value: Any) -> bool:
    return hasattr(value, "convert") and hasattr(value, "getbands")


def _is_result(value: Any) -> bool:
    return hasattr(value, "png") and hasattr(value, "recipe")
