from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from dgnam_client import DeadlineExceededError, Progress, Queued, Started, VariantProgress
from dgnam_client._deadline import SILENCE_S, Deadline


class Clock:
    """Alarms that a test rings."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None]]] = []
        self.cancelled = 0

    def later(self, seconds: float, ring: Callable[[], None]) -> Clock:
        self.set.append((seconds, ring))
        return self

    def cancel(self) -> None:
        self.cancelled += 1


def test_the_time_stands_still_in_the_queue() -> None:
    clock, stopped = Clock(), []
    deadline = Deadline(5.0, lambda: stopped.append(True), clock.later)
    for event in (Queued(3), None, None, Started(), None, Progress((VariantProgress(0, 7, 9, 1.0),))):
        deadline.heard(event)
    assert [seconds for seconds, _ in clock.set] == [5, SILENCE_S, SILENCE_S, SILENCE_S, 5]
    assert clock.cancelled == 4, "only the last alarm is left"
    clock.set[-1][1]()
    assert stopped and deadline.passed
    with pytest.raises(DeadlineExceededError, match=r"still running after 5 s and 7 steps. Pass a longer timeout=") as late:
        raise deadline.error()
    assert late.value.metadata == {"phase": "running", "steps_done": "7"}


def test_a_server_that_falls_silent_ends_the_wait() -> None:
    clock = Clock()
    deadline = Deadline(5.0, lambda: None, clock.later)
    deadline.heard(Queued(0))
    clock.set[-1][1]()
    assert "the server has said nothing for 60 s" in str(deadline.error())


def test_no_timeout() -> None:
    clock = Clock()
    deadline = Deadline(math.inf, lambda: None, clock.later)
    deadline.heard(Started())
    assert clock.set == []
    deadline.stop()
