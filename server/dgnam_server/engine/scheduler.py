"""Which batch runs next and which rows join it: pure policy, without torch, threads or a clock.

Rules: rows that may share a batch have the same key. Keys share the device's time fairly: the next to run is the one served least so far,
so none waits behind another's long work (start-time fair queuing, Goyal et al. 1996). Within a key, rows are admitted in the order of
arrival + row number, so that a request for many rows does not hold up the single ones behind it.
"""

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
JobId = int


@dataclass(frozen=True, order=True)
class Waiting:
    """A row that waits: the smallest `rank` is admitted first."""

    rank: int
    job: JobId
    row: int


@dataclass
class _Queue:
    capacity: int  # rows that may run at once
    served: float  # device time so far, from the common virtual start
    running: int = 0
    waiting: list[Waiting] = field(default_factory=list)  # a heap


class Scheduler(Generic[Key]):
    """Rows by key; the engine asks `next_key`, admits, and reports what left and what it cost."""

    def __init__(self) -> None:
        self._queues: dict[Key, _Queue] = {}
        self._now = 0.0  # virtual time: what the least served key had when it was last chosen

    def add(self, job: JobId, key: Key, rows: int, capacity: int) -> None:
        """Let a job's rows wait. `job` numbers must grow with arrival; `capacity` is the key's largest batch."""
        queue = self._queues.setdefault(key, _Queue(capacity, self._now))
        queue.capacity = capacity
        for row in range(rows):
            heapq.heappush(queue.waiting, Waiting(job + row, job, row))

    def __contains__(self, key: Key) -> bool:
        """Whether the key has rows, running or waiting."""
        return key in self._queues

    def next_key(self) -> Key | None:
        """The least served key that has rows, or None."""
        if not self._queues:
            return None
        key = min(self._queues, key=lambda key: self._queues[key].served)
        self._now = self._queues[key].served
        return key

    def admit(self, key: Key) -> list[Waiting]:
        """The rows that join the key's batch now; they count as running from here on."""
        queue = self._queues[key]
        count = min(queue.capacity - queue.running, len(queue.waiting))
        admitted = [heapq.heappop(queue.waiting) for _ in range(count)]
        queue.running += len(admitted)
        return admitted

    def charge(self, key: Key, cost: float) -> None:
        """The key's batch ran for `cost` (any unit, the same for all)."""
        if key in self._queues:
            self._queues[key].served += cost

    def left(self, key: Key, rows: int) -> None:
        """So many running rows have left the key's batch."""
        queue = self._queues[key]
        queue.running -= rows
        assert queue.running >= 0
        self._forget_if_empty(key)

    def drop(self, job: JobId, key: Key) -> int:
        """Take a job's waiting rows out; returns how many there were."""
        queue = self._queues.get(key)
        if queue is None:
            return 0
        kept = [row for row in queue.waiting if row.job != job]
        dropped = len(queue.waiting) - len(kept)
        heapq.heapify(kept)
        queue.waiting = kept
        self._forget_if_empty(key)
        return dropped

    def forget(self, key: Key) -> None:
        """Take a key out with all its rows."""
        self._queues.pop(key, None)

    def counts(self) -> dict[Key, tuple[int, int]]:
        """(running, waiting) rows by key."""
        return {key: (queue.running, len(queue.waiting)) for key, queue in self._queues.items()}

    def _forget_if_empty(self, key: Key) -> None:
        queue = self._queues[key]
        if not queue.running and not queue.waiting:
            del self._queues[key]
