"""Tables, JSON and complaints, and the exit codes."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence

from .._errors import DgnamError, InvalidRequestError, NotFoundError

DONE, FAILED, BAD_REQUEST, INTERRUPTED = 0, 1, 2, 130


def exit_code(error: DgnamError) -> int:
    """The exit code for an error: whether the request is to blame."""
    return BAD_REQUEST if isinstance(error, InvalidRequestError | NotFoundError) else FAILED


def complain(text: str) -> None:
    """Say what is wrong, on standard error."""
    print(f"dgnam: {text}", file=sys.stderr, flush=True)


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
