"""Targets as the command line names them: ranges of units, and files of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .._errors import InvalidAddressError, InvalidRequestError

# The unit of an address as a range of indices: model:tap:0-29, or with a position model:tap:0-29@3,3.
_RANGE = re.compile(r"(?P<before>[^:+]*:[^:+]*:)(?P<first>\d+)-(?P<last>\d+)(?=$|@|\+)")
MAX_UNITS = 100_000


def expand(texts: Iterable[str]) -> list[str]:
    """Addresses for what was named: `model:tap:0-29` is thirty of them, `@units.txt` those in the lines of a file.

    Empty lines of a file and lines that begin with # are passed over.

    Raises:
        InvalidRequestError: A file cannot be read or names nothing, or a range runs backwards or is too long.
    """
    named = [address for text in texts for address in (_lines(Path(text[1:])) if text.startswith("@") else [text])]
    return [address for text in named for address in _units(text)]


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise InvalidRequestError(f"@{file}: the file of targets cannot be read: {reason}") from error
    addresses = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not addresses:
        raise InvalidRequestError(f"@{file}: the file names no target: write one to a line, such as efficientnet-lite0:fc:lemon")
    return addresses


def _units(text: str) -> list[str]:
    ranges = list(_RANGE.finditer(text))
    if not ranges:
        return [text]
    if len(ranges) > 1:
        raise InvalidAddressError(f"{text!r} holds two ranges", advice="Write one range to a target.")
    first, last = int(ranges[0]["first"]), int(ranges[0]["last"])
    if first > last:
        raise InvalidAddressError(f"{text!r} runs backwards", advice=f"Write {last}-{first}.")
    if last - first >= MAX_UNITS:
        raise InvalidAddressError(f"{text!r} names {last - first + 1} units", advice=f"Name at most {MAX_UNITS} at once.")
    start, end = ranges[0].start("first"), ranges[0].end("last")
    return [f"{text[:start]}{unit}{text[end:]}" for unit in range(first, last + 1)]
