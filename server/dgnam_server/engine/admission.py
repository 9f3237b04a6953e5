"""Admission: which jobs may wait, told before they do.

Rules: whoever owns an Admission holds one lock around every call. A job counts as waiting from `enter` until it leaves QUEUED, and what its
request holds counts until `close`.
"""

from collections import Counter

from dgnam_server.engine.budget import Budget, Client
from dgnam_server.engine.job import Job, State
from dgnam_server.engine.load import EngineLimits, Overloaded, TooLarge
from dgnam_server.engine.work import Work


class Admission:
    """Counts what waits, by client."""

    def __init__(self, limits: EngineLimits) -> None:
        self.waiting: Counter[Client] = Counter()
        self.budget = Budget(limits.request_bytes)
        self._limits = limits
        self._row_steps = 0

    def check(self, work: Work, client: Client, row_step_s: float) -> None:
        """Refuse work for which there is no room.

        Args:
            row_step_s: how long a row's step takes.

        Raises:
            TooLarge: it would not fit into an empty server.
            Overloaded: it does not fit now.
        """
        self._check_size(work)
        mine, limits, all_jobs = self.waiting[client], self._limits, self.waiting.total()
        retry_s = min(60.0, max(0.5, 0.5 * self._row_steps * row_step_s))  # until about half of what waits has run
        if mine >= limits.client_queue_capacity:
            why = f"{mine} jobs of {_named(client)} wait, as many as one client may have waiting"
            raise Overloaded(retry_s, why, by_client=True)
        clients = len(+self.waiting) + (not mine)
        if all_jobs >= limits.queue_capacity and mine >= limits.queue_capacity // clients:
            why = f"the queue is full: {all_jobs} jobs wait, {mine} of them of {_named(client)}"
            raise Overloaded(retry_s, why, by_client=clients == 1)
        if not self.budget.fits(client, work.held_bytes):
            own = self.budget.of(client) / 2**20
            why = f"the requests that wait or run hold {self.budget.held / 2**20:.0f} MiB, {own:.0f} of them of {_named(client)}"
            raise Overloaded(retry_s, why, by_client=self.budget.free >= work.held_bytes)

    def enter(self, job: Job) -> None:
        """A job waits."""
        self.waiting[job.standing.client] += 1
        self._row_steps += job.row_steps
        self.budget.take(job.standing.client, job.work.held_bytes)

    def moved(self, job: Job, before: State) -> None:
        """A job left `before` for its present state."""
        if before is State.QUEUED:
            self.waiting[job.standing.client] -= 1
            self._row_steps -= job.row_steps
            self.waiting = +self.waiting

    def close(self, job: Job) -> None:
        """A job's call is over."""
        self.budget.give(job.standing.client, job.work.held_bytes)

    def _check_size(self, work: Work) -> None:
        row = work.row_bytes + work.result_bytes
        for needed, most, what in ((work.held_bytes, self.budget.limit, "request"), (row, self._limits.row_bytes, "picture")):
            if needed > most:
                least = f"{needed / 2**20:.0f} MiB of memory, and this server has {most / 2**20:.0f} for it"
                raise TooLarge(f"one {what} of this kind needs about {least}: ask for less at once, or for a smaller picture")


def _named(client: Client) -> str:
    return f"client {client}" if client else "this client"
