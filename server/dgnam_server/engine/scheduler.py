"""Which rows join a batch, and which batch steps next: pure policy, without torch, threads or a clock.

Rules. Rows that may share a batch have the same key. A row is admitted when its batch has room and its bytes fit into the budget.

Admission: of the clients' next rows, that of the client which holds least. A client's own rows come by priority, then by arrival + row
number, so that a request for many rows does not hold up the single ones behind it. A batch has room up to its capacity; a client with less
than an equal part of it finds room up to twice the capacity, so that it need not wait until another's long rows end. A row too large for
what is free lets nobody pass but clients that hold nothing, and of them at most PASSES.

Turns: clients share the device's time in equal parts, and a client's keys share the client's. The client whose turn it is pays for the
whole step, also for the rows of others that ride along; `due` says which do. A turn for BATCH rows counts as BATCH_COST turns. A client
that took less than its part lately has credit, with which it goes first, where all that it asks for is done within it.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from typing import Any, Generic, TypeVar

from dgnam_server.engine.budget import Budget, Client
from dgnam_server.engine.due import Due, brief, riders
from dgnam_server.engine.shares import Shares

Key = TypeVar("Key", bound=Hashable)
JobId = int
PASSES = 32
BATCH_COST = 4
CREDIT_S = 10.0  # of device time, for all together: beside one other client five, in which a processor draws a picture of usual steps


class Priority(IntEnum):
    """The smaller comes first."""

    INTERACTIVE = 0  # somebody waits for it
    BATCH = 1  # nobody does


@dataclass(frozen=True, order=True)
class Waiting:
    """A row that waits: of one client's, the smallest is admitted first."""

    priority: Priority
    rank: int
    job: JobId
    row: int


@dataclass(frozen=True)
class Demand(Generic[Key]):
    """What a job asks for. `job` numbers must grow with arrival.

    Attributes:
        capacity: of the key's batch, in rows.
        steps: that each row takes part in, at most.
        row_bytes: what a row holds while it is in the batch.
        result_bytes: what it holds from then on until its result was read.
    """

    job: JobId
    client: Client
    key: Key
    rows: int
    capacity: int
    steps: int = 1
    row_bytes: int = 0
    result_bytes: int = 0
    priority: Priority = Priority.INTERACTIVE

    @property
    def needs(self) -> int:
        """Bytes that one row must find free."""
        return self.row_bytes + self.result_bytes


@dataclass(frozen=True)
class Turn(Generic[Key]):
    """The rows of `key` that are `due` step, for this client and at its cost, `weight` times."""

    client: Client
    key: Key
    weight: int
    due: Due


@dataclass(eq=False)
class _Job(Generic[Key]):
    demand: Demand[Key]
    waiting: int
    running: int = 0
    unread: int = 0


@dataclass(eq=False)
class _Lane:
    capacity: int
    waiting: dict[Client, list[Waiting]] = field(default_factory=dict)  # heaps
    running: dict[Client, int] = field(default_factory=dict)
    row_steps: Counter[Client] = field(default_factory=Counter)  # that rows which run or wait may take
    patient: Counter[Client] = field(default_factory=Counter)  # of these rows, those of BATCH

    @property
    def rows(self) -> int:
        return sum(self.running.values())

    def want(self, demand: Demand[Any], rows: int) -> None:
        """So many rows of a job have come, or, below 0, have gone."""
        self.row_steps[demand.client] += rows * demand.steps
        self.patient[demand.client] += rows if demand.priority is Priority.BATCH else 0
        self.row_steps, self.patient = +self.row_steps, +self.patient


class Scheduler(Generic[Key]):
    """Rows by key and client. The runner admits, asks for the next turn, and reports what left, what it cost and what was read.

    Args:
        step_s: seconds that a step of so many rows of a key takes, about.
    """

    def __init__(self, memory_bytes: int, step_s: Callable[[Key, int], float]) -> None:
        self.budget = Budget(memory_bytes)
        self._step_s = step_s
        self._jobs: dict[JobId, _Job[Key]] = {}
        self._lanes: dict[Key, _Lane] = {}
        self._clients: Shares[Client] = Shares(CREDIT_S)
        self._keys: dict[Client, Shares[Key]] = {}
        self._passes = 0

    def add(self, demand: Demand[Key]) -> None:
        """Let a job's rows wait."""
        self._jobs[demand.job] = _Job(demand, demand.rows)
        lane = self._lanes.setdefault(demand.key, _Lane(demand.capacity))
        lane.capacity = demand.capacity
        lane.want(demand, demand.rows)
        heap = lane.waiting.setdefault(demand.client, [])
        for row in range(demand.rows):
            heapq.heappush(heap, Waiting(demand.priority, demand.job + row, demand.job, row))

    def resize(self, key: Key, capacity: int) -> None:
        """Let the key's batch have another capacity; rows that run stay."""
        if (lane := self._lanes.get(key)) is not None:
            lane.capacity = capacity

    def __contains__(self, key: Key) -> bool:
        """Whether the key has rows, running or waiting."""
        return key in self._lanes

    def has_room(self, key: Key, client: Client) -> bool:
        """Whether a row of the client may join the key's batch."""
        lane = self._lanes[key]
        part = max(1, lane.capacity // len(lane.waiting.keys() | lane.running.keys()))
        return lane.rows < lane.capacity or (lane.rows < 2 * lane.capacity and lane.running.get(client, 0) < part)

    def admit(self) -> Iterator[Waiting]:
        """The rows that join their batches now; each counts as running as soon as it is given."""
        while (waiting := self._next()) is not None:
            job = self._jobs[waiting.job]
            demand, lane = job.demand, self._lanes[job.demand.key]
            _popped(lane.waiting, demand.client)
            lane.running[demand.client] = lane.running.get(demand.client, 0) + 1
            job.waiting -= 1
            job.running += 1
            self.budget.take(demand.client, demand.needs)
            yield waiting

    def order(self) -> list[Client]:
        """The clients with rows that wait, whose turn to be admitted is next first, were there room for all."""
        return [client for client, _ in self._heads(anywhere=True)]

    def next_turn(self) -> Turn[Key] | None:
        """Whose turn it is, for which rows; None: no row runs."""
        active: dict[Client, list[Key]] = {}
        for key, lane in self._lanes.items():
            for client in lane.running:
                active.setdefault(client, []).append(key)
        self._keys = {client: shares for client, shares in self._keys.items() if client in active}
        if not active:
            return None
        credit = self._clients.credit(active)
        client = self._clients.next(active, [one for one in active if self._wanted_s(one) <= credit])
        key = self._keys.setdefault(client, Shares()).next(active[client])
        return self._turn(client, key, brief_step=self._clients.away(active))

    def charge(self, turn: Turn[Key], cost: float) -> None:
        """The turn took so many seconds."""
        if self._lanes:  # or else there is nobody left whom it held up
            self._clients.charge(turn.client, turn.weight * cost)
            self._keys[turn.client].charge(turn.key, cost)

    def left(self, job_id: JobId, unread: bool) -> None:
        """A row of a job has left its batch; `unread`: with a result that its caller has yet to read."""
        job = self._jobs[job_id]
        self._leave(job, 1)
        job.unread += unread
        self.budget.give(job.demand.client, job.demand.row_bytes if unread else job.demand.needs)

    def read(self, job_id: JobId) -> None:
        """A result of a job was read."""
        job = self._jobs.get(job_id)
        if job is not None and job.unread:
            job.unread -= 1
            self.budget.give(job.demand.client, job.demand.result_bytes)

    def drop(self, job_id: JobId) -> None:
        """Take out all rows of a job, waiting and running; results that nobody has read stay."""
        job = self._jobs[job_id]
        client, running = job.demand.client, job.running
        if job.waiting:
            lane = self._lanes[job.demand.key]
            lane.waiting[client] = [row for row in lane.waiting[client] if row.job != job_id]
            heapq.heapify(lane.waiting[client])
            if not lane.waiting[client]:
                del lane.waiting[client]
            lane.want(job.demand, -job.waiting)
            job.waiting = 0
        self._leave(job, running)
        self.budget.give(client, running * job.demand.needs)

    def close(self, job_id: JobId) -> None:
        """Forget a job and what nobody will read of it any more."""
        self.drop(job_id)
        job = self._jobs.pop(job_id)
        self.budget.give(job.demand.client, job.unread * job.demand.result_bytes)

    def counts(self) -> dict[Key, tuple[int, int, int]]:
        """By key: its running rows, its waiting rows, and the bytes that the running ones hold."""
        held = dict.fromkeys(self._lanes, 0)
        for job in self._jobs.values():
            if job.running:
                held[job.demand.key] += job.running * job.demand.needs
        return {key: (lane.rows, sum(map(len, lane.waiting.values())), held[key]) for key, lane in self._lanes.items()}

    def _wanted_s(self, client: Client) -> float:
        """How long all takes that a client has asked for, at most; nobody waits for what is BATCH."""
        total = 0.0
        for key, lane in self._lanes.items():
            if lane.patient[client]:
                return inf
            rows = lane.running.get(client, 1)
            total += lane.row_steps[client] * self._step_s(key, rows) / rows
        return total

    def _turn(self, client: Client, key: Key, *, brief_step: bool) -> Turn[Key]:
        rows = self._lanes[key].running

        def step_s(count: int) -> float:
            return self._step_s(key, count)

        along = riders(rows, client, step_s)
        total = sum(rows[one] for one in along)
        asked = [job.demand for job in self._jobs.values() if job.running and job.demand.key == key and job.demand.client in along]
        interactive = any((one.client, one.priority) == (client, Priority.INTERACTIVE) for one in asked)
        due = Due({one.job for one in asked}, brief(total, len(along), step_s) if brief_step else total)
        return Turn(client, key, 1 if interactive else BATCH_COST, due)

    def _next(self) -> Waiting | None:
        """The next row to be admitted, where there is one."""
        blocked = False
        for client, waiting in self._heads(anywhere=False):
            if blocked and (self.budget.of(client) or self._passes >= PASSES):
                continue
            needs = self._jobs[waiting.job].demand.needs
            if self.budget.fits(client, needs):
                self._passes = self._passes + 1 if blocked else 0
                return waiting
            blocked = blocked or needs > self.budget.free
        return None

    def _heads(self, *, anywhere: bool) -> list[tuple[Client, Waiting]]:
        """Each client's next row, of the batches with room or of all, in the order of admission."""
        heads: dict[Client, Waiting] = {}
        for key, lane in self._lanes.items():
            for client, heap in lane.waiting.items():
                if (anywhere or self.has_room(key, client)) and (client not in heads or heap[0] < heads[client]):
                    heads[client] = heap[0]
        held = self.budget.of
        return sorted(heads.items(), key=lambda head: (held(head[0]) * (BATCH_COST if head[1].priority else 1), head[1]))

    def _leave(self, job: _Job[Key], rows: int) -> None:
        client, lane = job.demand.client, self._lanes.get(job.demand.key)
        if lane is None:
            assert not rows
            return
        assert 0 <= rows <= job.running
        job.running -= rows
        if rows:
            lane.want(job.demand, -rows)
            lane.running[client] -= rows
            if not lane.running[client]:
                del lane.running[client]
        if not lane.running and not lane.waiting:
            del self._lanes[job.demand.key]
        if not self._lanes:
            self._clients.rest()


def _popped(heaps: dict[Client, list[Waiting]], client: Client) -> None:
    heapq.heappop(heaps[client])
    if not heaps[client]:
        del heaps[client]
