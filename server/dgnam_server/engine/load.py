"""How much the engine may hold, what it holds now, and how it says no."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EngineLimits:
    """What the engine may hold.

    Attributes:
        queue_capacity: jobs that may wait; a client with less than an equal part of these may still wait where they do.
        max_batch_rows: the most rows in a batch, whatever the warm-up finds.
        max_batch_mib: the most memory of a batch whose callers chose how much a row computes.
        max_memory_mib: the most memory of all that requests hold, that rows take while they run, of draws that are judged, and of results
            that nobody has read.
        client_queue_capacity: jobs of one client that may wait.
        batch_rows: rows that share a batch; None: as the warm-up finds.
    """

    queue_capacity: int = 256
    max_batch_rows: int = 64
    max_batch_mib: int = 2048
    max_memory_mib: int = 8192
    client_queue_capacity: int = 128
    batch_rows: int | None = None

    @property
    def request_bytes(self) -> int:
        """Of the memory, what requests may hold: a quarter."""
        return self.max_memory_mib * 2**20 // 4

    @property
    def draw_bytes(self) -> int:
        """Of the memory, what is for judging draws, and for what is known of them: an eighth. One lane judges at a time."""
        return self.max_memory_mib * 2**20 // 8

    @property
    def row_bytes(self) -> int:
        """Of the memory, what rows and results may hold: the rest."""
        return self.max_memory_mib * 2**20 - self.request_bytes - self.draw_bytes


@dataclass(frozen=True)
class LaneLoad:
    """One key's rows, and what those that run hold."""

    key: str
    running_rows: int
    waiting_rows: int
    memory_bytes: int = 0


@dataclass(frozen=True)
class ClientLoad:
    """One client's part of the load.

    Attributes:
        clients_ahead: how many other clients' next jobs come before its own next job.
        memory_bytes: what its running rows and unread results hold.
    """

    queued_jobs: int = 0
    running_jobs: int = 0
    clients_ahead: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True)
class Load:
    """A snapshot. `memory_bytes` of all requests, running rows and unread results."""

    queued_jobs: int = 0
    running_jobs: int = 0
    lanes: tuple[LaneLoad, ...] = ()
    finished_jobs: int = 0
    failed_jobs: int = 0
    cancelled_jobs: int = 0
    draining: bool = False
    memory_bytes: int = 0
    clients: Mapping[str, ClientLoad] = field(default_factory=dict)


class Overloaded(Exception):
    """There is no room now; the message says whose, and `by_client` whether the client itself takes it up."""

    def __init__(self, retry_after_s: float, why: str = "the queue is full", *, by_client: bool = False) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s
        self.by_client = by_client


class TooLarge(Exception):
    """There will never be room for this; the message says for what."""


class Draining(Exception):
    """The engine takes no new work."""
