"""What the device thread runs: work, one checked request of one kind, and lanes, the batches that rows of like work share.

A kind of work is two classes, a `Work` and its `Lane`; `kinds/` has them, and `builder.py` makes work of requests. A work says what
the device thread must know of it and nothing more. Its `rows` each join a lane, take part in `steps` iterations at most and leave; a row
that has no second step, such as one code to be drawn, has `steps` 1.
"""

from collections.abc import Hashable
from typing import Protocol, Self, TypeVar

from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Event

W_contra = TypeVar("W_contra", contravariant=True)


class Work(Protocol):
    """One request, checked and complete. Making one touches no device, so any thread may."""

    @property
    def key(self) -> Hashable:
        """What must be equal for rows to share a lane; `str` of it is what GetLoad tells."""

    @property
    def rows(self) -> int:
        """Independent pieces of the request; each ends in one Finished."""

    @property
    def steps(self) -> int:
        """Iterations that a row takes part in, at most."""

    @property
    def sized(self) -> bool:
        """Whether its caller chose how much a row computes, so that the batch size of the warm-up may not suit it."""

    @property
    def held_bytes(self) -> int:
        """Bytes that the request holds from its admission to the end of its call, about."""

    @property
    def row_bytes(self) -> int:
        """Bytes that a row takes while it runs at most, about."""

    @property
    def result_bytes(self) -> int:
        """Bytes that a row's result takes from then on until its caller has read it, where `held_bytes` does not have them."""

    @property
    def strict(self) -> bool:
        """Whether a row has its lane to itself, so that the shapes of its kernels are always the same."""

    def open(self) -> "Lane[Self]":
        """A lane without rows, for work of this key. Called on the device thread."""


class Lane(Protocol[W_contra]):
    """The running batch of one key. Only the device thread touches it."""

    def __len__(self) -> int:
        """Rows in it."""

    def join(self, job: int, work: W_contra, row: int) -> None:
        """Add a row of a job's work; it takes part from the next step on."""

    def leave(self, job: int) -> int:
        """Take a job's rows out, finished or not; returns how many there were."""

    def step(self, tell: bool, due: Due | None = None) -> list[tuple[int, Event]]:
        """One iteration of the rows that are due; rows that are done leave.

        Args:
            tell: read back from the device how far each row is.
            due: None: all rows are.

        Returns:
            (job, event): a Finished or Failed per row that left, and, of those due that stay, a Progress when telling or where one is due.
        """
