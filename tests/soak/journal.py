"""What clients write down, and what is wrong with it. Times are in `time.monotonic` seconds, which all processes of a machine share."""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calls import KINDS

_RECONNECT_S = 8.0  # that a client may take to find a server that is there again


class Journal:
    """One client's file. A line for each call's beginning and one for its end, so that what never ended shows."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def began(self, number: int, kind: str) -> None:
        """A call goes out."""
        self._write({"number": number, "kind": kind, "at": time.monotonic()})

    def ended(self, number: int, code: str) -> None:
        """It came back."""
        self._write({"number": number, "code": code, "at": time.monotonic()})

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


@dataclass(frozen=True)
class Call:
    """One call of a client; `code` and `end` are None where it never ended."""

    client: str
    number: int
    kind: str
    start: float
    end: float | None = None
    code: str | None = None


@dataclass(frozen=True)
class Outage:
    """A time in which there was no server, or one that takes no work."""

    start: float
    end: float

    def excuses(self, call: Call) -> bool:
        """Whether the call met it."""
        return call.end is not None and call.start <= self.end + _RECONNECT_S and call.end >= self.start


def read(paths: Collection[Path]) -> Iterator[Call]:
    """The calls in clients' files."""
    for path in paths:
        ends: dict[int, dict[str, Any]] = {}
        begun: dict[int, dict[str, Any]] = {}
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:  # the client was killed while it wrote
                continue
            (ends if "code" in line else begun)[line["number"]] = line
        for number, line in begun.items():
            end = ends.get(number, {})
            yield Call(path.stem, number, line["kind"], line["at"], end.get("at"), end.get("code"))


def wrong(calls: Sequence[Call], outages: Sequence[Outage], killed: Collection[str]) -> list[str]:
    """Calls that were lost or got a wrong answer.

    Args:
        killed: clients whose last call may have no end.
    """
    found = []
    for call in calls:
        if call.code is None:
            if call.client not in killed:
                found.append(f"lost: {call.kind}, call {call.number} of {call.client}, never ended")
        elif call.code not in KINDS[call.kind].right and not _excused(call, outages):
            found.append(f"wrong code: {call.kind}, call {call.number} of {call.client}, got {call.code}")
    return found


def _excused(call: Call, outages: Sequence[Outage]) -> bool:
    if call.code == "RESOURCE_EXHAUSTED":  # the server is full, or did not wait for a reader
        return True
    return call.code == "UNAVAILABLE" and any(outage.excuses(call) for outage in outages)
