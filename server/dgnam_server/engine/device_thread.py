"""The device thread runs work; requests come in through a bounded inbox, events go out through callbacks.

Rules: everything on the device happens on the device thread. Other threads only append to the inbox, under the lock, and read `load()`,
a snapshot. A job's callback is called from the device thread and must not block.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace

import torch

from dgnam_server.engine import heap
from dgnam_server.engine.admission import Admission
from dgnam_server.engine.batch_cache import BatchCache
from dgnam_server.engine.batch_sizes import BatchSizes
from dgnam_server.engine.events import Event, Failed, Failure, Queued
from dgnam_server.engine.job import TERMINAL, Job, Standing, State
from dgnam_server.engine.load import ClientLoad, Draining, EngineLimits, Load
from dgnam_server.engine.meter import Meter, Unmeasured
from dgnam_server.engine.runner import Runner
from dgnam_server.engine.warmup import like, timed_step
from dgnam_server.engine.work import Work

log = logging.getLogger(__name__)

_LAST_STEP_S = 2.0  # that the thread may take to end after its last job


@dataclass(frozen=True, eq=False)
class Ticket:
    """The caller's hold on a job. Both may be called at any time, any number of times, from any thread."""

    _read: Callable[[], None]
    _close: Callable[[], None]

    def read(self) -> None:
        """A result of the job has reached its caller: what it takes is free again."""
        self._read()

    def close(self) -> None:
        """Free all that the job has: its rows, before the next iteration but one, and its results. Every job is to be closed once."""
        self._close()


class DeviceThread:
    """Runs work on one device. `start` it, `submit` work, `drain` it.

    Args:
        typical: the work to warm up with.
        threads: processor threads of the device thread's kernels; None: torch's setting.
        cache: where sizes of batches are kept that were measured; None: nowhere.
        meter: hears how long steps and jobs take; None: nobody does.
    """

    def __init__(
        self,
        typical: Work,
        limits: EngineLimits,
        threads: int | None = None,
        cache: BatchCache | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.limits = limits
        self._typical, self._threads = typical, threads
        self._returns, self._sizes = heap.Returns(), BatchSizes(limits, timed_step, cache)
        self._runner = Runner(limits, self._sizes.rows, self._count, meter or Unmeasured())
        self._thread = threading.Thread(target=self._run, name="dgnam-device", daemon=True)
        self._warm: Future[None] = Future()
        # Shared with other threads, under the lock:
        self._wake = threading.Condition()
        self._inbox: list[Callable[[], None]] = []
        self._next_id = 0
        self._open_jobs = 0
        self._admission = Admission(limits)
        self._draining = self._stopping = False
        self._load = Load()

    @property
    def batch_rows(self) -> int:
        """The most rows that share a batch of the commonest work."""
        return self._sizes.rows(self._typical.key)

    def start(self) -> None:
        """Start the thread and let it warm up. Blocks until ready."""
        self._thread.start()
        self._warm.result()

    def submit(self, work: Work, emit: Callable[[Event], None], deadline: float | None = None, standing: Standing | None = None) -> Ticket:
        """Take work in; `emit` hears Queued at once and everything else from the device thread.

        Args:
            deadline: in `time.monotonic` seconds; the job fails when it is reached, waiting or running.
            standing: whose it is, and how long it may wait; None: nobody's in particular, as long as it takes.

        Raises:
            Overloaded: as many jobs wait as may, of all clients or of this one, or their requests hold as much memory as they may.
            TooLarge: the work needs more memory than there is.
            Draining: the engine is being shut down.
        """
        with self._wake:
            if self._draining:
                raise Draining
            job = Job(self._next_id, work, emit, deadline, standing or Standing())
            self._admission.check(work, job.standing.client, self._runner.row_step_s)
            self._next_id += 1
            emit(Queued(self._ahead(job.standing.client)))
            self._open_jobs += 1
            self._admission.enter(job)
            self._inbox.append(lambda: self._take(job))
            self._wake.notify()
        return Ticket(lambda: self._post(lambda: self._runner.read(job)), lambda: self._post(lambda: self._close(job)))

    def load(self) -> Load:
        """What is queued and running now."""
        with self._wake:
            waiting, known = self._admission.waiting, self._load.clients
            clients = {name: replace(known.get(name, ClientLoad()), queued_jobs=waiting[name]) for name in {*waiting, *known}}
            held = self._load.memory_bytes + self._admission.budget.held
            return replace(self._load, queued_jobs=waiting.total(), draining=self._draining, clients=clients, memory_bytes=held)

    def drain(self, timeout_s: float) -> None:
        """Refuse new work, let what was taken finish for up to `timeout_s`, end the rest, stop the thread. Blocks."""
        deadline = time.monotonic() + timeout_s
        with self._wake:
            self._draining = True
            self._wake.wait_for(lambda: not self._open_jobs, timeout_s)
        message = f"the server is shutting down and waited {timeout_s:g} s"
        self._post(lambda: self._runner.end_all(Failed(Failure.DRAINING, message)))
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(max(_LAST_STEP_S, deadline - time.monotonic()))

    def _post(self, message: Callable[[], None]) -> None:
        with self._wake:
            self._inbox.append(message)
            self._wake.notify_all()

    def _ahead(self, client: str) -> int:
        """How many jobs come before one more of this client's, as all clients' jobs are admitted in turn."""
        waiting = self._admission.waiting
        return waiting[client] + sum(min(jobs, waiting[client] + 1) for other, jobs in waiting.items() if other != client)

    # --- the device thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            timed_step(self._typical, 1)
            self._note(self._typical)
        except BaseException as error:
            self._warm.set_exception(error)
            return
        self._returns.freed()
        self._warm.set_result(None)
        while self._receive():
            self._runner.run()
        self._load = self._runner.load()

    def _receive(self) -> bool:
        """Wait for something to do and run what came in; False when it is time to stop."""
        with self._wake:
            self._load = self._runner.load()
            woken = self._wake.wait_for(lambda: self._inbox or self._stopping or self._runner.jobs, self._wait_s())
            inbox, self._inbox = self._inbox, []
            stopping = self._stopping
        if woken:
            self._sizes.busy()
        for message in inbox:
            try:
                message()
            except Exception:  # the thread must outlive any one job
                log.exception("a message to the engine failed")
        self._returns.run()
        if self._sizes.go_on():
            self._returns.freed()
        return not (stopping and not self._runner.jobs)

    def _wait_s(self) -> float | None:
        waits = [wait_s for wait_s in (self._returns.wait_s(), self._sizes.wait_s()) if wait_s is not None]
        return min(waits, default=None)

    def _take(self, job: Job) -> None:
        self._note(job.work)
        self._runner.take(job)

    def _note(self, work: Work) -> None:
        """How many rows of such work should share a batch is to be measured."""
        if (timed := like(work)) is not None:
            self._sizes.note(timed)

    def _close(self, job: Job) -> None:
        if self._runner.close(job):
            self._returns.freed()
            with self._wake:
                self._admission.close(job)

    def _count(self, job: Job, before: State) -> None:
        """A job left `before` for its present state."""
        with self._wake:
            self._admission.moved(job, before)
            if job.state in TERMINAL:
                self._open_jobs -= 1
                self._wake.notify_all()  # whoever drains watches for the last job
