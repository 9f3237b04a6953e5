"""How long a call that draws may take. Time in the server's queue does not count: a busy server loses nobody's picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from ._errors import DeadlineExceededError
from ._events import AnalysisProgress, Progress, Queued

# A server that has a call wait says something every ten seconds; one that is silent for so long is not there any more.
SILENCE_S = 60.0


class Alarm(Protocol):
    """What is due later, and can be called off: a threading.Timer, or an asyncio.TimerHandle."""

    def cancel(self) -> object: ...


class Deadline:
    """Cancels a call once its time is up.

    The time runs until the server has taken the request, stands still while the request waits, and starts anew with the first step.

    Args:
        timeout: Seconds; None: as long as it takes.
        cancel: Cancels the call.
        later: Has a function called after so many seconds.
    """

    def __init__(self, timeout: float | None, cancel: Callable[[], object], later: Callable[[float, Callable[[], None]], Alarm]) -> None:
        self._timeout, self._cancel, self._later = timeout, cancel, later
        self._phase = "sent"
        self._steps = 0
        self._alarm: Alarm | None = None
        self.passed = False
        self._set(timeout)

    def heard(self, event: object) -> None:
        """The server has said something: an event, or with None that there is nothing new."""
        if isinstance(event, Progress):
            self._steps = max(picture.step for picture in event.variants) if event.variants else self._steps
        if isinstance(event, AnalysisProgress):
            self._steps = max(picture.step for picture in event.pictures) if event.pictures else self._steps
        if isinstance(event, Queued) or (event is None and self._phase == "queued"):
            self._phase = "queued"
            self._set(max(SILENCE_S, self._timeout or 0))
        elif event is not None and self._phase != "running":
            self._phase = "running"
            self._set(self._timeout)

    def stop(self) -> None:
        """The call is over."""
        if self._alarm is not None:
            self._alarm.cancel()

    def error(self, request_id: str = "") -> DeadlineExceededError:
        """What to raise in place of the cancellation of the call of this id."""
        match self._phase:
            case "sent":
                message = f"the server has not answered within {self._timeout:g} s"
            case "queued":
                message = f"the server has said nothing for {max(SILENCE_S, self._timeout or 0):g} s"
            case _:
                message = f"the picture was still running after {self._timeout:g} s and {self._steps} steps"
        facts = {"phase": self._phase, "steps_done": str(self._steps)}
        return DeadlineExceededError(message, code="DEADLINE_EXCEEDED", reason="DEADLINE", metadata=facts, request_id=request_id)

    def _set(self, seconds: float | None) -> None:
        self.stop()
        self._alarm = None if seconds is None or seconds == math.inf else self._later(max(seconds, 0.0), self._ring)

    def _ring(self) -> None:
        self.passed = True
        self._cancel()
