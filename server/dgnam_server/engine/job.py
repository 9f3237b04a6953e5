"""A job is one admitted work; this file says which states it passes through.

Rules: a job moves only along TRANSITIONS; every job ends in exactly one of the terminal states, and its caller hears exactly one
terminal event: as many Finished as its work has rows and nothing after, or one Failed.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum

from dgnam_server.engine.budget import Client
from dgnam_server.engine.events import Event, Failure
from dgnam_server.engine.scheduler import Priority
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


@dataclass(frozen=True)
class Standing:
    """Whose job it is, and how long it may wait.

    Attributes:
        client: what is shared fairly is shared between clients.
        start_by: in `time.monotonic` seconds; a job that has not started by then fails.
    """

    client: Client = ""
    priority: Priority = Priority.INTERACTIVE
    start_by: float | None = None


@dataclass(frozen=True)
class OwnLane:
    """A lane that no other client's rows may join: a strict row has its lane to itself, and would keep others waiting for a whole run."""

    key: Hashable
    client: Client

    def __str__(self) -> str:
        return str(self.key)


@dataclass(eq=False)
class Job:
    """One admitted work; `deadline`, and `since` when it is there, in `time.monotonic` seconds."""

    id: int
    work: Work
    emit: Callable[[Event], None]
    deadline: float | None = None
    standing: Standing = Standing()
    state: State = State.QUEUED
    steps_done: int = 0  # of its furthest row, as last told

    def __post_init__(self) -> None:
        self.since = time.monotonic()
        self.unfinished = self.work.rows
        self.row_steps = self.work.rows * self.work.steps
        self.key = OwnLane(self.work.key, self.standing.client) if self.work.strict else self.work.key

    def late(self, now: float) -> Failure | None:
        """Which of its times has come, where one has."""
        if self.deadline is not None and self.deadline <= now:
            return Failure.DEADLINE
        start_by = self.standing.start_by
        return Failure.QUEUE_TIMEOUT if self.state is State.QUEUED and start_by is not None and start_by <= now else None

    def move(self, state: State) -> None:
        """Go to `state`, which must follow the present one."""
        assert state in TRANSITIONS[self.state], f"{self.state} -> {state}"
        self.state = state
