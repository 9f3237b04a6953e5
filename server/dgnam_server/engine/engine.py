"""The engine: one device thread that steps lanes; requests come in through a bounded inbox, events go out through callbacks.

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
from torch import Tensor

from dgnam_server.catalog import Catalog
from dgnam_server.engine.job import (
    TERMINAL,
    Event,
    Failed,
    Failure,
    Finished,
    Job,
    Progress,
    Queued,
    Started,
    State,
)
from dgnam_server.engine.lane import Lane, profile
from dgnam_server.engine.scheduler import Scheduler
from dgnam_server.synth import memory, problem
from dgnam_server.synth.methods import DEFAULT_METHOD, METHODS
from dgnam_server.synth.priors import PARAMETRISATIONS, GeneratorPrior, Prior
from dgnam_server.synth.problem import Problem, Source, Structure
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop, resize

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1  # progress is read back at most ten times a second (SERVING.md)
# And with many rows less often, so that they all together hear of so many steps a second: on a processor, passing them on takes time from
# the step. A row's progress message costs server and client about half a millisecond of a core.
PROGRESS_PER_S = 40


@dataclass(frozen=True)
class EngineLimits:
    """`queue_capacity`: jobs that may wait; `max_batch_rows`: the most rows in a batch, whatever the start-up profile says;
    `max_batch_mib`: the most memory of a batch of pictures that are optimized without a prior.
    """

    queue_capacity: int = 256
    max_batch_rows: int = 64
    max_batch_mib: int = 2048


class Overloaded(Exception):
    """The queue is full."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the queue is full; try again in {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class Draining(Exception):
    """The engine takes no new work."""


@dataclass(frozen=True)
class Key:
    """What must be equal for rows to share a batch. `prior` is a generator's name, or empty; then `size` is the picture's."""

    structure: Structure
    prior: str
    size: tuple[int, int]
    sources: tuple[Source, ...]
    balance: Balance
    strict: bool

    def __str__(self) -> str:
        taps = "+".join(f"{model}:{tap}" for model, tap in self.sources)
        drawn = self.prior or f"{self.structure.prior} {self.size[0]} x {self.size[1]} ({', '.join(self.structure.parts)})"
        return f"{drawn} > {taps}, {self.balance.value}" + (", strict" if self.strict else "")


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


@dataclass(frozen=True, eq=False)
class Ticket:
    """The caller's hold on a job."""

    _cancel: Callable[[], None]

    def cancel(self) -> None:
        """Free the job's rows before the next iteration but one. May be called at any time, any number of times, from any thread."""
        self._cancel()


class Engine:
    """Runs synthesis jobs on one device. `start` it, `submit` jobs, `drain` it.

    Args:
        threads: processor threads of the device thread's kernels; None: torch's setting.
    """

    def __init__(self, catalog: Catalog, device: torch.device, limits: EngineLimits, threads: int | None = None) -> None:
        self._catalog, self._device, self._limits, self._threads = catalog, device, limits, threads
        self._batch_rows = limits.max_batch_rows  # what the profile found to pay
        self._scheduler: Scheduler[Key] = Scheduler()
        self._lanes: dict[Key, Lane] = {}
        self._jobs: dict[int, Job] = {}
        self._ended = dict.fromkeys(TERMINAL, 0)
        self._row_step_s = 0.001  # device time per row and step, a running mean
        self._thread = threading.Thread(target=self._run, name="dgnam-device", daemon=True)
        self._warm: Future[None] = Future()
        # Shared with other threads, under the lock:
        self._wake = threading.Condition()
        self._inbox: list[Callable[[], None]] = []
        self._next_id = 0
        self._waiting_jobs = self._waiting_row_steps = 0
        self._draining = self._stopping = False
        self._load = Load()

    @property
    def batch_rows(self) -> int:
        """The most rows that share a batch."""
        return self._batch_rows

    def start(self) -> None:
        """Start the device thread, let it warm up and find the batch size beyond which larger ones hardly pay. Blocks until ready."""
        self._thread.start()
        self._warm.result()

    def submit(self, spec: SynthesisSpec, emit: Callable[[Event], None], deadline: float | None = None) -> Ticket:
        """Take a job in; `emit` hears Queued at once and everything else from the device thread.

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
            job = Job(self._next_id, spec, emit, deadline)
            self._next_id += 1
            emit(Queued(self._waiting_jobs))
            self._waiting_jobs += 1
            self._waiting_row_steps += job.row_steps
            self._inbox.append(lambda: self._take(job))
            self._wake.notify()
        return Ticket(lambda: self._post(lambda: self._end(job, State.CANCELLED, Failed(Failure.CANCELLED, "cancelled by the client"))))

    def load(self) -> Load:
        """What is queued and running now."""
        with self._wake:
            return replace(self._load, queued_jobs=self._waiting_jobs, draining=self._draining)

    def drain(self, timeout_s: float) -> None:
        """Refuse new work, let what was taken finish for up to `timeout_s`, end the rest, stop the thread. Blocks."""
        deadline = time.monotonic() + timeout_s
        with self._wake:
            self._draining = True
            self._wake.wait_for(lambda: not self._inbox and not self._jobs, timeout_s)
        message = f"the server is shutting down and waited {timeout_s:g} s"
        self._post(lambda: self._end_all(Failed(Failure.DRAINING, message)))
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(max(5.0, deadline - time.monotonic()))

    # --- the device thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._threads is not None:
                torch.set_num_threads(self._threads)
            self._batch_rows = profile(self._timed_step, self._limits.max_batch_rows)
        except BaseException as error:
            self._warm.set_exception(error)
            return
        log.info("up to %d rows share a batch", self._batch_rows)
        self._warm.set_result(None)
        self._work()

    def _work(self) -> None:
        while self._receive():
            self._expire()
            key = self._scheduler.next_key()
            if key is None:
                continue
            started = time.monotonic()
            try:
                self._iterate(key)
            except Exception:
                log.exception("a batch failed: %s", key)
                self._fail_lane(key)
            self._scheduler.charge(key, time.monotonic() - started)
        self._publish()

    def _receive(self) -> bool:
        """Wait for something to do and run what came in; False when it is time to stop."""
        for key in [key for key, lane in self._lanes.items() if not len(lane)]:
            del self._lanes[key]
        with self._wake:
            self._publish()
            self._wake.notify_all()  # whoever drains watches for the last job
            self._wake.wait_for(lambda: self._inbox or self._stopping or self._jobs)
            inbox, self._inbox = self._inbox, []
            stopping = self._stopping
        for message in inbox:
            try:
                message()
            except Exception:  # the thread must outlive any one job
                log.exception("a message to the engine failed")
        return not (stopping and not self._jobs)

    def _take(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._scheduler.add(job.id, _key(job.spec), job.spec.variants, self._capacity(job.spec))

    def _capacity(self, spec: SynthesisSpec) -> int:
        """The most rows of a batch: what pays, and of pictures without a prior, whose size callers choose, what fits into memory."""
        if spec.strict:
            return 1  # a strict row's batch always has the same shape: itself
        if spec.prior:
            return self._batch_rows
        networks = [self._catalog.networks[term.unit.model] for term in spec.terms]
        return max(1, min(self._batch_rows, self._limits.max_batch_mib * 2**20 // memory.row_bytes(networks, spec.size)))

    def _iterate(self, key: Key) -> None:
        """Let rows join, step the lane, tell what happened."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(self._problem(key))
        for row in self._scheduler.admit(key):
            if job := self._jobs.get(row.job):
                self._join(lane, key, job, row.variant)
            else:  # ended while an earlier of its rows joined
                self._scheduler.left(key, 1)
        if len(lane):
            now = time.monotonic()
            rows = len(lane)
            if tell := now - lane.told_at >= max(LOOK_EVERY_S, rows / PROGRESS_PER_S):
                lane.told_at = now
            events = lane.step(look=tell or self._device.type == "cpu")
            self._scheduler.left(key, rows - len(lane))
            self._row_step_s += 0.1 * ((time.monotonic() - now) / rows - self._row_step_s)
            for number, event in events:
                if tell or not isinstance(event, Progress) or event.preview is not None:
                    self._tell(self._jobs.get(number), event)

    def _join(self, lane: Lane, key: Key, job: Job, variant: int) -> None:
        try:
            lane.join(job.id, job.spec, variant, self._start_code(lane.problem.prior, job.spec))
        except Exception:
            log.exception("a row could not be made: %s", job.spec)
            self._scheduler.left(key, 1)
            self._end(job, State.FAILED, Failed(Failure.BUG, "the row could not be made"))
            return
        if job.state is State.QUEUED:
            self._move(job, State.RUNNING)
            self._tell(job, Started())

    def _tell(self, job: Job | None, event: Event) -> None:
        """Pass an event to its job's caller, and end the job where the event says so. A job that has ended hears nothing."""
        if job is None or job.state in TERMINAL:
            return
        if isinstance(event, Failed):
            self._end(job, State.FAILED, event)
            return
        self._emit(job, event)
        if isinstance(event, Finished):
            job.unfinished -= 1
            if not job.unfinished:
                self._end(job, State.FINISHED, None)
        elif isinstance(event, Progress):
            job.steps_done = max(job.steps_done, event.step)

    def _end(self, job: Job, state: State, event: Failed | None) -> None:
        """Move a job to its terminal state and take out whatever rows it still has. Nothing happens if it has ended already."""
        if job.state in TERMINAL:
            return
        phase = job.state.value
        self._move(job, state)
        self._ended[state] += 1
        self._jobs.pop(job.id, None)
        key = _key(job.spec)
        self._scheduler.drop(job.id, key)
        lane = self._lanes.get(key)
        if lane and (gone := lane.leave(job.id)):
            self._scheduler.left(key, gone)
        if event is not None:
            self._emit(job, replace(event, phase=phase, steps_done=job.steps_done))

    def _emit(self, job: Job, event: Event) -> None:
        try:
            job.emit(event)
        except Exception:
            log.exception("a caller's callback failed")

    def _move(self, job: Job, state: State) -> None:
        if job.state is State.QUEUED:
            with self._wake:
                self._waiting_jobs -= 1
                self._waiting_row_steps -= job.row_steps
        job.move(state)

    def _expire(self) -> None:
        now = time.monotonic()
        for job in [job for job in self._jobs.values() if job.deadline is not None and job.deadline <= now]:
            self._end(job, State.FAILED, Failed(Failure.DEADLINE, "the deadline was reached"))

    def _fail_lane(self, key: Key) -> None:
        """A step failed in a way no single row explains: fail the key's jobs, keep the engine."""
        for job in [job for job in self._jobs.values() if _key(job.spec) == key]:
            self._end(job, State.FAILED, Failed(Failure.BUG, "a step failed"))
        self._scheduler.forget(key)
        self._lanes.pop(key, None)

    def _end_all(self, event: Failed) -> None:
        for job in list(self._jobs.values()):
            self._end(job, State.FAILED, event)

    def _post(self, message: Callable[[], None]) -> None:
        with self._wake:
            self._inbox.append(message)
            self._wake.notify_all()

    def _publish(self) -> None:
        lanes = tuple(LaneLoad(str(key), running, waiting) for key, (running, waiting) in self._scheduler.counts().items())
        self._load = Load(
            running_jobs=sum(job.state is State.RUNNING for job in self._jobs.values()),
            lanes=lanes,
            finished_jobs=self._ended[State.FINISHED],
            failed_jobs=self._ended[State.FAILED],
            cancelled_jobs=self._ended[State.CANCELLED],
        )

    # --- problems and codes ------------------------------------------------------------------------------------------

    def _problem(self, key: Key) -> Problem:
        networks = tuple(self._catalog.networks[name] for name in sorted({model for model, _ in key.sources}))
        cropped = key.prior and self._catalog.generators[key.prior].card.fit == "crop"
        fit = centre_crop if cropped else resize
        return Problem(self._prior(key), networks, key.sources, key.balance, key.structure, fit, self._catalog.patches)

    def _prior(self, key: Key) -> Prior:
        if not key.prior:
            return PARAMETRISATIONS[key.structure.prior](key.size, self._device)
        generator = self._catalog.generators[key.prior]
        assert generator.card.code is not None
        return GeneratorPrior(generator, self._catalog.networks.get(generator.card.code.encoder))

    def _start_code(self, prior: Prior, spec: SynthesisSpec) -> Tensor | None:
        """(1, D): the given code, or the given image's code; None: random."""
        if spec.start.code is not None:
            return torch.from_numpy(spec.start.code)[None].to(self._device)
        if spec.start.image is None:
            return None
        image = torch.from_numpy(spec.start.image).permute(2, 0, 1)[None].to(self._device)
        with torch.no_grad():
            return prior.encode(image)

    def _timed_step(self, size: int) -> float:
        """Seconds of one step of `size` rows, the default prior drawing for its own encoder's output, or what else takes its pictures."""
        generator = self._catalog.generators[self._catalog.default_prior]
        network = self._catalog.viewer(generator)
        assert network is not None
        spec = SynthesisSpec(
            terms=(Term(Unit(network.name, network.card.output_tap, 0)),),
            balance=Balance.NONE,
            prior=generator.name,
            method=DEFAULT_METHOD,
            settings={"steps": 2, "start_learning_rate": 1.0, "end_learning_rate": 0.0, "decay": 0.01, "bound_multiplier": 3.0},
            seed=0,
        )
        lane = Lane(self._problem(_key(spec)))
        for variant in range(size):
            lane.join(0, spec, variant, None)
        started = time.monotonic()
        lane.step(look=True)
        return time.monotonic() - started

    def _retry_after(self) -> float:
        """Seconds until about half of what waits has run."""
        return min(60.0, max(0.5, 0.5 * self._waiting_row_steps * self._row_step_s))


def _key(spec: SynthesisSpec) -> Key:
    structure = METHODS[spec.method].structure(spec.settings)
    return Key(structure, spec.prior, spec.size, problem.sources(spec), spec.balance, spec.strict)
