"""How much the engine may hold, what it holds now, and how it says no."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineLimits:
    """`queue_capacity`: jobs that may wait; `max_batch_rows`: the most rows in a batch, whatever the warm-up finds;
    `max_batch_mib`: the most memory of a batch of work that says what its rows take.
    """

    queue_capacity: int = 256
    max_batch_rows: int = 64
    max_batch_mib: int = 2048


@dataclass(frozen=True)
class LaneLoad:
    """One key's rows."""

    key: str
    running_rows: int
    waiting_rows: int


@dataclass(frozen=True)
class Load:
    """A snapshot."""

    queued_jobs: int = 0
    running_jobs: int = 0
    lanes: tuple[LaneLoad, ...] = ()
    finished_jobs: int = 0
    failed_jobs: int = 0
    cancelled_jobs: int = 0
    draining: bool = False


class Overloaded(Exception):
    """The queue is full."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the queue is full; try again in {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class Draining(Exception):
    """The engine takes no new work."""
