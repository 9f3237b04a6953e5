"""Tables, JSON and complaints, and the exit codes."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from .._errors import DgnamError, InvalidRequestError, NotFoundError

DONE, FAILED, BAD_REQUEST, INTERRUPTED = 0, 1, 2, 130


def exit_code(error: DgnamError) -> int:
    """The exit code for an error: whether the request is to blame."""
    return BAD_REQUEST if isinstance(error, InvalidRequestError | NotFoundError) else FAILED


def complain(text: str) -> None:
    """Say what is wrong, on standard error."""
    line(f"dgnam: {text}", sys.stderr)


def line(text: str, file: TextIO | None = None) -> None:
    """Print a line while there is work to do, which goes on even where nobody reads any more or there is no room for the line."""
    stream = file or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        # What is left in the stream would be tried again, and fail again, with the next line and when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is not sys.stderr and not isinstance(error, BrokenPipeError):
            complain(f"what follows cannot be printed, but is drawn and written all the same: {error.strerror}")


def take_any_text() -> None:
    """Have the streams write what their encoding lacks as escapes, where Python would raise an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def print_json(record: object) -> int:
    """Print a record, or a list or dict of them."""
    print(json.dumps(record, indent=2, ensure_ascii=False, default=dataclasses.asdict))
    return DONE


def print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> int:
    """Print rows in columns. Without rows, nothing."""
    for line in table(head, list(rows)):
        print(line)
    return DONE


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    lines = [head, *rows] if head and rows else list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
