"""Where files come from and where pictures go."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._errors import InvalidRequestError

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def read_array(file: str) -> Any:
    """The array in a .npy file.

    Raises:
        InvalidRequestError: The file is not there, or is not one that numpy.save wrote.
    """
    import numpy as np

    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"{file} cannot be read as an array that numpy.save wrote ({error})") from error


def check_folder(text: str) -> None:
    """Find out before the work, not after it, whether a file has a place to go.

    Raises:
        InvalidRequestError: Its folder does not exist.
    """
    if not is_folder(text) and not Path(text).parent.is_dir():
        raise InvalidRequestError(f"there is no folder {Path(text).parent} to write {Path(text).name} into: make it first")


def check_several(output: str | None, advice: str = "") -> None:
    """Find out before the work whether several pictures have a place to go.

    Raises:
        InvalidRequestError: The output is one file.
    """
    if output is not None and not is_folder(output):
        raise InvalidRequestError(f"several pictures do not fit into one file: write -o {Path(output).with_suffix('')}/{advice}")


def is_folder(text: str) -> bool:
    """Whether a path is meant as a folder: it ends in a slash, is one, or has no suffix."""
    return text.endswith(("/", os.sep)) or Path(text).is_dir() or not Path(text).suffix


def pictures(paths: Iterable[str]) -> list[Path]:
    """The picture files that paths name, those in folders too, in the folders' order by name.

    Raises:
        InvalidRequestError: A path is not there, or there is no picture.
    """
    found: list[Path] = []
    missing = [text for text in paths if not Path(text).exists()]
    if missing:
        raise InvalidRequestError(f"there is no {', '.join(missing[:5])}")
    for path in map(Path, paths):
        found += sorted(each for each in path.rglob("*") if each.suffix.lower() in PICTURES) if path.is_dir() else [path]
    if not found:
        raise InvalidRequestError(f"no pictures are there: name files, or folders with {', '.join(PICTURES)} files")
    return list(dict.fromkeys(found))


def places(output: str | None, names: Iterable[str]) -> list[Path]:
    """The paths of pictures: the output itself where it is a file, else a .png for each name in that folder, which is made."""
    if output is not None and not is_folder(output):
        return [Path(output)]
    folder = Path(output or ".")
    folder.mkdir(parents=True, exist_ok=True)
    return [folder / f"{name}.png" for name in names]
