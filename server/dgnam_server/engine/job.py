"""A job is one admitted work; this file says which states it passes through.

Rules: a job moves only along TRANSITIONS; every job ends in exactly one of the terminal states, and its caller hears exactly one
terminal event: as many Finished as its work has rows and nothing after, or one Failed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from dgnam_server.engine.events import Event
from dgnam_server.engine.work import Work


class State(Enum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.FINISHED, State.FAILED, State.CANCELLED}),
    State.FINISHED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(eq=False)
class Job:
    """One admitted work; `deadline` in `time.monotonic` seconds."""

    id: int
    work: Work
    emit: Callable[[Event], None]
    deadline: float | None = None
    state: State = State.QUEUED
    steps_done: int = 0  # of its furthest row, as last told

    def __post_init__(self) -> None:
        self.unfinished = self.work.rows
        self.row_steps = self.work.rows * self.work.steps

    def move(self, state: State) -> None:
        """Go to `state`, which must follow the present one."""
        assert state in TRANSITIONS[self.state], f"{self.state} -> {state}"
        self.state = state
