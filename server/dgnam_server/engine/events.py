"""What the caller of a job hears."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np


class Failure(Enum):
    """Why a job did not end well; errors.py gives each its status code."""

    DEADLINE = "deadline"
    QUEUE_TIMEOUT = "queue timeout"
    CANCELLED = "cancelled"
    DRAINING = "draining"
    NUMERIC = "numeric"
    NOT_PROJECTABLE = "not-projectable"
    BUG = "bug"


@dataclass(frozen=True)
class Queued:
    """Admitted, with so many jobs ahead."""

    position: int


@dataclass(frozen=True)
class Started:
    """The first row has joined a lane."""


@dataclass(frozen=True, eq=False)
class Progress:
    """A row's latest state. `preview` is (H, W, 3) float32, not clipped, where one was due."""

    row: int
    step: int
    total_steps: int
    activation: float
    preview: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Finished:
    """A row is done. What `value` is, the kind of work says: see kinds/."""

    row: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """The job ended without (all of) its rows; `steps_done` of its furthest row, `phase` "queued" or "running"."""

    failure: Failure
    message: str
    phase: str = ""
    steps_done: int = 0


Event = Queued | Started | Progress | Finished | Failed
