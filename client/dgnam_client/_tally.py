"""How far a set of pictures is, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable


class Tally:
    """Counts pictures, and the steps of those under way.

    Args:
        count: How many there are.
        clock: Gives the time in seconds.
    """

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.count, self.done, self.failed = count, 0, 0
        self._clock = clock
        self._under_way: dict[int, float] = {}
        self._started: float | None = None

    def moved(self, index: int, share: float) -> None:
        """A picture has done this share of its steps."""
        if self._started is None:
            self._started = self._clock()
        self._under_way[index] = share

    def finished(self, index: int, *, failed: bool = False) -> None:
        """A picture is done, or will not be."""
        self._under_way.pop(index, None)
        self.done += not failed
        self.failed += failed

    @property
    def fraction(self) -> float:
        """The share of all work that is done, from 0 to 1."""
        return min((self.done + self.failed + sum(self._under_way.values())) / max(self.count, 1), 1.0)

    def counted(self) -> str:
        """As in `12 of 90 pictures, 1 failed`."""
        return f"{self.done} of {self.count} pictures" + (f", {self.failed} failed" if self.failed else "")

    def remaining(self) -> str:
        """As in `about 3:20 left`; empty where that cannot be told yet, or nothing is left."""
        share = self.fraction - self.failed / max(self.count, 1)
        if self._started is None or share <= 0 or self.done + self.failed == self.count:
            return ""
        left_s = (self._clock() - self._started) * (1 - self.fraction) / share
        minutes, seconds = divmod(round(left_s), 60)
        hours, minutes = divmod(minutes, 60)
        return f"about {hours}:{minutes:02}:{seconds:02} left" if hours else f"about {minutes}:{seconds:02} left"
