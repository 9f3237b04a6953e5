"""A job is one admitted request; this file says which states it passes through and what its caller hears.

Rules: a job moves only along TRANSITIONS; every job ends in exactly one of the terminal states, and its caller hears exactly one
terminal event: as many Finished as it has variants and nothing after, or one Failed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from dgnam_server.synth.spec import SynthesisSpec


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


class Ending(Enum):
    """Why a row ended well."""

    STEPS_DONE = "steps done"
    ZERO_GRADIENT = "zero gradient"


class Failure(Enum):
    """Why a job did not end well; rpc/errors gives each its status code."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    DRAINING = "draining"
    NUMERIC = "numeric"
    BUG = "bug"


@dataclass(frozen=True)
class Queued:
    """Admitted, with so many jobs ahead."""

    position: int


@dataclass(frozen=True)
class Started:
    """The first row has joined a batch."""


@dataclass(frozen=True, eq=False)
class Progress:
    """A row's latest state. `preview` is (H, W, 3) float32, not clipped, where one was due."""

    variant: int
    step: int
    total_steps: int
    activation: float
    preview: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Finished:
    """One variant's picture: `image` (H, W, 3) float32 RGB not clipped, `code` (D,), `history` (steps, terms), activations (terms,)."""

    variant: int
    image: np.ndarray
    code: np.ndarray
    history: np.ndarray
    activation: float
    term_activations: np.ndarray
    ending: Ending


@dataclass(frozen=True)
class Failed:
    """The job ended without (all of) its pictures; `steps_done` of its furthest row, `phase` "queued" or "running"."""

    failure: Failure
    message: str
    phase: str = ""
    steps_done: int = 0


Event = Queued | Started | Progress | Finished | Failed


@dataclass(eq=False)
class Job:
    """One admitted request; `deadline` in `time.monotonic` seconds."""

    id: int
    spec: SynthesisSpec
    emit: Callable[[Event], None]
    deadline: float | None = None
    state: State = State.QUEUED
    steps_done: int = 0  # of its furthest row, as last told

    def __post_init__(self) -> None:
        self.unfinished = self.spec.variants
        self.row_steps = self.spec.variants * self.spec.steps

    def move(self, state: State) -> None:
        """Go to `state`, which must follow the present one."""
        assert state in TRANSITIONS[self.state], f"{self.state} -> {state}"
        self.state = state
