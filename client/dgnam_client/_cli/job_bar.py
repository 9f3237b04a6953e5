"""The progress of a whole job: one line on a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._duration import duration
from .._job_state import JobState
from .printing import line

if TYPE_CHECKING:
    from tqdm import tqdm

_EVERY_S = 30.0  # between two lines where there is no terminal


class JobBar:
    """To be used as a context; `show` what is heard of the job."""

    def __init__(self, state: JobState, *, quiet: bool) -> None:
        self._bar: tqdm[Any] | None = None
        self._quiet, self._next = quiet, time.monotonic() + _EVERY_S
        self._obstacle = ""
        if not quiet and sys.stderr.isatty():
            from tqdm import tqdm

            form = "{bar} {n_fmt}/{total_fmt} pictures{postfix}"
            self._bar = tqdm(total=state.pictures, bar_format=form, file=sys.stderr, dynamic_ncols=True)
        self.show(state)

    def show(self, state: JobState) -> None:
        """Show how far the job is."""
        if state.obstacle and state.obstacle != self._obstacle:
            line(f"dgnam: the server cannot draw some of it: {state.obstacle}", sys.stderr)
        self._obstacle = state.obstacle
        if self._bar is not None:
            self._bar.n = state.done + state.failed
            self._bar.set_postfix_str(described(state))
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            line(f"{state.done + state.failed}/{state.pictures} pictures {described(state)}", sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()


def described(state: JobState) -> str:
    """How fast a job goes and how long it takes, in a few words."""
    facts: list[str] = [state.phase] if state.phase != "running" else []
    facts += [f"{state.failed} failed"] if state.failed else []
    facts += [f"{state.pictures_per_s:.3g}/s"] if state.pictures_per_s and state.phase == "running" else []
    facts += [f"{duration(state.remaining_s)} left"] if state.remaining_s is not None else []
    return ", ".join(facts)
