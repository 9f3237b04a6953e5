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

from dgnam_server.engine.events import Event, Failed, Failure, Queued
from dgnam_server.engine.job import TERMINAL, Job, State
from dgnam_server.engine.load import Draining, EngineLimits, Load, Overloaded
from dgnam_server.engine.runner import Runner
from dgnam_server.engine.warmup import profile, timed_step
from dgnam_server.engine.work import Work

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Ticket:
    """The caller's hold on a job."""

    _cancel: Callable[[], None]

    def cancel(self) -> None:
        """Free the job's rows before the next iteration but one. May be called at any time, any number of times, from any thread."""
        self._cancel()


class DeviceThread:
    """Runs work on one device. `start` it, `submit` work, `drain` it.

    Args:
        typical: the work to warm up with; the size of every batch is what pays for this one.
        threads: processor threads of the device thread's kernels; None: torch's setting.
    """

    def __init__(self, typical: Work, limits: EngineLimits, threads: int | None = None) -> None:
        self._typical, self._limits, self._threads = typical, limits, threads
        self._runner = Runner(limits.max_batch_mib * 2**20, self._count)
        self._thread = threading.Thread(target=self._run, name="dgnam-device", daemon=True)
        self._warm: Future[None] = Future()
        # Shared with other threads, under the lock:
        self._wake = threading.Condition()
        self._inbox: list[Callable[[], None]] = []
        self._next_id = 0
        self._open_jobs = self._waiting_jobs = self._waiting_row_steps = 0
        self._draining = self._stopping = False
        self._load = Load()

    @property
    def batch_rows(self) -> int:
        """The most rows that share a batch."""
        return self._runner.batch_rows

    def start(self) -> None:
        """Start the thread, let it warm up and find the batch size beyond which larger ones hardly pay. Blocks until ready."""
        self._thread.start()
        self._warm.result()

    def submit(self, work: Work, emit: Callable[[Event], None], deadline: float | None = None) -> Ticket:
        """Take work in; `emit` hears Queued at once and everything else from the device thread.

        Args:
            deadline: in `time.monotonic` seconds; the job fails when it is reached, waiting or running.

        Raises:
            Overloaded: as many jobs wait as may.
            Draining: the engine is being shut down.
        """
        with self._wake:
            if self._draining:
                raise Draining
            if self._waiting_jobs >= self._limits.queue_capacity:
                raise Overloaded(self._retry_after())
            job = Job(self._next_id, work, emit, deadline)
            self._next_id += 1
            emit(Queued(self._waiting_jobs))
            self._open_jobs += 1
            self._waiting_jobs += 1
            self._waiting_row_steps += job.row_steps
            self._inbox.append(lambda: self._runner.take(job))
            self._wake.notify()
        cancelled = Failed(Failure.CANCELLED, "cancelled by the client")
        return Ticket(lambda: self._post(lambda: self._runner.end(job, State.CANCELLED, cancelled)))

    def load(self) -> Load:
        """What is queued and running now."""
        with self._wake:
            return replace(self._load, queued_jobs=self._waiting_jobs, draining=self._draining)

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
            self._thread.join(max(5.0, deadline - time.monotonic()))

    def _post(self, message: Callable[[], None]) -> None:
        with self._wake:
            self._inbox.append(message)
            self._wake.notify_all()

    def _retry_after(self) -> float:
        """Seconds until about half of what waits has run."""
        return min(60.0, max(0.5, 0.5 * self._waiting_row_steps * self._runner.row_step_s))

    # --- the device thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            self._runner.batch_rows = profile(lambda rows: timed_step(self._typical, rows), self._limits.max_batch_rows)
        except BaseException as error:
            self._warm.set_exception(error)
            return
        log.info("up to %d rows share a batch", self._runner.batch_rows)
        self._warm.set_result(None)
        while self._receive():
            self._runner.run()
        self._load = self._runner.load()

    def _receive(self) -> bool:
        """Wait for something to do and run what came in; False when it is time to stop."""
        with self._wake:
            self._load = self._runner.load()
            self._wake.wait_for(lambda: self._inbox or self._stopping or self._runner.jobs)
            inbox, self._inbox = self._inbox, []
            stopping = self._stopping
        for message in inbox:
            try:
                message()
            except Exception:  # the thread must outlive any one job
                log.exception("a message to the engine failed")
        return not (stopping and not self._runner.jobs)

    def _count(self, job: Job, before: State) -> None:
        """A job left `before` for its present state."""
        with self._wake:
            if before is State.QUEUED:
                self._waiting_jobs -= 1
                self._waiting_row_steps -= job.row_steps
            if job.state in TERMINAL:
                self._open_jobs -= 1
                self._wake.notify_all()  # whoever drains watches for the last job
