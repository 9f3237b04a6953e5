"""Runner: jobs and the lanes that their rows share, one iteration of one lane at a time.

Rules: only the device thread touches a runner. A job is in `jobs` from `take` until it has ended, and a row of it is either waiting or
running in the scheduler until it has left; whoever takes a row out of a lane tells the scheduler. Its results stay in the scheduler's
budget until they were read or the job is closed. Work fails alone where it can: a row that ends badly ends its job, a step that raises ends
the jobs of its key, and neither ends anything else.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from dgnam_server.engine.batch_sizes import LEAST
from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Event, Failed, Failure, Finished, Progress, Started
from dgnam_server.engine.job import TERMINAL, Job, State
from dgnam_server.engine.load import ClientLoad, EngineLimits, LaneLoad, Load
from dgnam_server.engine.meter import Meter
from dgnam_server.engine.scheduler import Demand, Scheduler, Turn
from dgnam_server.engine.work import Lane, Work

log = logging.getLogger(__name__)

TELL_EVERY_S = 0.1  # progress is read back at most ten times a second (SERVING.md)
# And with many rows less often, so that those of all lanes together hear of so many steps a second: on a processor, passing them on takes
# time from the step. A row's progress message costs server and client about half a millisecond of a core.
PROGRESS_PER_S = 40
# A lane grows no further than this, so that no lane waits long for another one's step and previews come; but to so many rows it may,
# since what goes before the first steps, such as the judging of draws, makes a row look slow.
MOST_STEP_S = 1.0
# Where callers choose how much a row computes: large rows gain next to nothing from each other, so nobody need wait as long.
MOST_SIZED_STEP_S = 0.25
_KEPT_PACES = 1024  # keys
_LATE = {Failure.DEADLINE: "the deadline was reached", Failure.QUEUE_TIMEOUT: "the job waited longer than it may"}


@dataclass
class Running:
    """An open lane, and when it was last asked how far its rows are."""

    lane: Lane[Any]  # of the work that has its key
    work: Work  # the latest of it
    told_at: float = 0.0


class Pace:
    """How long a lane's steps take for each row: of the latest steps of about as many rows the shortest, since what is slow now and then is
    not the rows. On a GPU one row takes about as long as many."""

    def __init__(self) -> None:
        self._latest: dict[int, deque[float]] = {}  # by the power of two that the rows are more than half of

    def add(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long."""
        self._latest.setdefault(rows.bit_length(), deque(maxlen=8)).append(max(seconds / rows, 1e-9))

    @property
    def row_s(self) -> float:
        """Seconds of one row, among as many as pay."""
        return min(min(latest) for latest in self._latest.values())

    def step_s(self, rows: int) -> float:
        """Seconds of a step of so many rows; where there was none of about as many, as if each took `row_s`."""
        latest = self._latest.get(rows.bit_length())
        return rows * (min(latest) if latest else self.row_s)


class Runner:
    """Takes jobs, and runs what is due.

    Args:
        rows: of a key the most rows that pay.
        moved: called with a job and the state that it has left.
        meter: hears how long steps and jobs take.
    """

    def __init__(self, limits: EngineLimits, rows: Callable[[Hashable], int], moved: Callable[[Job, State], None], meter: Meter) -> None:
        self.row_step_s = 0.001  # device time per row and step, a running mean
        self.scheduler: Scheduler[Hashable] = Scheduler(limits.row_bytes, self._step_s)
        self.jobs: dict[int, Job] = {}
        self._limits, self._rows, self._moved, self._meter = limits, rows, moved, meter
        self._paces: dict[Hashable, Pace] = {}  # by key, that stepped last at the end
        self._unclosed: set[int] = set()
        self._running: dict[Hashable, Running] = {}
        self._ended = dict.fromkeys(TERMINAL, 0)

    def take(self, job: Job) -> None:
        """Let a job's rows wait for a lane."""
        self.jobs[job.id] = job
        self._unclosed.add(job.id)
        work, standing = job.work, job.standing
        sizes = (work.rows, self._capacity(job.key, work), work.steps, work.row_bytes, work.result_bytes)
        self.scheduler.add(Demand(job.id, standing.client, job.key, *sizes, standing.priority))

    def run(self) -> None:
        """End the jobs that are late, let rows join, and give the next key its turn; nothing happens where there are no rows."""
        self._expire()
        for waiting in self.scheduler.admit():
            self._join(self.jobs[waiting.job], waiting.row)
        turn = self.scheduler.next_turn()
        if turn is not None:
            self._turn(turn)
        for key in [key for key in self._running if key not in self.scheduler]:
            del self._running[key]

    def read(self, job: Job) -> None:
        """A result of a job has reached its caller."""
        self.scheduler.read(job.id)

    def close(self, job: Job) -> bool:
        """End a job, if it has not ended, and forget its results; whether it was open."""
        self.end(job, State.CANCELLED, Failed(Failure.CANCELLED, "cancelled by the client"))
        if opened := job.id in self._unclosed:
            self._unclosed.remove(job.id)
            self.scheduler.close(job.id)
        return opened

    def end(self, job: Job, state: State, event: Failed | None) -> None:
        """Move a job to its terminal state and take out whatever rows it still has. Nothing happens if it has ended already."""
        if job.state in TERMINAL:
            return
        phase = job.state.value
        self._move(job, state)
        self._ended[state] += 1
        self.jobs.pop(job.id, None)
        if running := self._running.get(job.key):
            running.lane.leave(job.id)
        self.scheduler.drop(job.id)
        if event is not None:
            self._emit(job, replace(event, phase=phase, steps_done=job.steps_done))

    def end_all(self, event: Failed) -> None:
        """End every job."""
        for job in list(self.jobs.values()):
            self.end(job, State.FAILED, event)

    def load(self) -> Load:
        """What is running now."""
        return Load(
            running_jobs=sum(job.state is State.RUNNING for job in self.jobs.values()),
            lanes=tuple(LaneLoad(str(key), *counts) for key, counts in self.scheduler.counts().items()),
            finished_jobs=self._ended[State.FINISHED],
            failed_jobs=self._ended[State.FAILED],
            cancelled_jobs=self._ended[State.CANCELLED],
            memory_bytes=self.scheduler.budget.held,
            clients=self._clients(),
        )

    def _clients(self) -> dict[str, ClientLoad]:
        order, running = self.scheduler.order(), Counter(job.standing.client for job in self.jobs.values() if job.state is State.RUNNING)
        ahead = {client: place for place, client in enumerate(order)}
        held = self.scheduler.budget.of
        return {
            name: ClientLoad(running_jobs=running[name], clients_ahead=ahead.get(name, 0), memory_bytes=held(name))
            for name in {*order, *running, *self.scheduler.budget.clients()}
        }

    def _capacity(self, key: Hashable, work: Work) -> int:
        """The most rows of a lane: as many as pay, as fit into memory where callers choose how much a row computes, and as step in time."""
        if work.strict:
            return 1
        rows = self._rows(key)
        if work.sized:
            rows = min(rows, self._limits.max_batch_mib * 2**20 // work.row_bytes)
        if self._limits.batch_rows is None:
            rows = min(rows, self._in_time(key, work))
        return max(1, rows)

    def _in_time(self, key: Hashable, work: Work) -> int:
        """As many rows as step in time."""
        pace = self._paces.get(key)
        if pace is None:
            return LEAST
        return int(MOST_SIZED_STEP_S / pace.row_s) if work.sized else max(LEAST, int(MOST_STEP_S / pace.row_s))

    def _step_s(self, key: Hashable, rows: int) -> float:
        pace = self._paces.get(key)
        return rows * self.row_step_s if pace is None else pace.step_s(rows)

    def _paced(self, key: Hashable, work: Work, rows: int, took_s: float) -> None:
        """A step of so many of the key's rows took so long."""
        pace = self._paces.pop(key, None) or Pace()
        self._paces[key] = pace
        pace.add(rows, took_s)
        if len(self._paces) > _KEPT_PACES:
            del self._paces[next(iter(self._paces))]
        self.scheduler.resize(key, self._capacity(key, work))

    def _turn(self, turn: Turn[Hashable]) -> None:
        """One iteration of rows of a lane, at the cost of the client whose turn it is."""
        started = time.monotonic()
        try:
            self._iterate(turn.key, turn.due, self._running[turn.key])
        except Exception:
            log.exception("a batch failed: %s", turn.key)
            self._fail(turn.key)
        self.scheduler.charge(turn, time.monotonic() - started)

    def _iterate(self, key: Hashable, due: Due, running: Running) -> None:
        """Step rows of a lane, tell what happened."""
        rows, now = due.rows, time.monotonic()
        if tell := now - running.told_at >= self._silence_s(rows, running.lane):
            running.told_at = now
        events = running.lane.step(tell, due)
        for number, event in events:
            if isinstance(event, Finished | Failed):
                self.scheduler.left(number, isinstance(event, Finished))
        took_s = time.monotonic() - now
        self.row_step_s += 0.1 * (took_s / rows - self.row_step_s)
        self._meter.stepped(rows, took_s)
        self._paced(key, running.work, rows, took_s)
        for number, event in events:
            self._tell(self.jobs.get(number), event)

    def _silence_s(self, rows: int, lane: Lane[Any]) -> float:
        """The time from one step of a lane that tells to the next: all rows of all lanes together tell PROGRESS_PER_S times a second."""
        all_rows = sum(len(running.lane) for running in self._running.values())
        return max(TELL_EVERY_S, rows * all_rows / len(lane) / PROGRESS_PER_S)

    def _join(self, job: Job, row: int) -> None:
        try:
            if job.key not in self._running:
                self._running[job.key] = Running(job.work.open(), job.work)
            running = self._running[job.key]
            running.work = job.work
            running.lane.join(job.id, job.work, row)
        except Exception:
            log.exception("a row could not be made: %s", job.key)
            self.end(job, State.FAILED, Failed(Failure.BUG, "the row could not be made"))
            return
        if job.state is State.QUEUED:
            self._move(job, State.RUNNING)
            self._emit(job, Started())

    def _tell(self, job: Job | None, event: Event) -> None:
        """Pass an event to its job's caller, and end the job where the event says so. A job that has ended hears nothing."""
        if job is None or job.state in TERMINAL:
            return
        if isinstance(event, Failed):
            self.end(job, State.FAILED, event)
            return
        self._emit(job, event)
        if isinstance(event, Finished):
            job.unfinished -= 1
            if not job.unfinished:
                self.end(job, State.FINISHED, None)
        elif isinstance(event, Progress):
            job.steps_done = max(job.steps_done, event.step)

    def _emit(self, job: Job, event: Event) -> None:
        try:
            job.emit(event)
        except Exception:
            log.exception("a caller's callback failed")

    def _move(self, job: Job, state: State) -> None:
        before = job.state
        job.move(state)
        self._moved(job, before)
        if state is State.RUNNING:
            self._meter.started(time.monotonic() - job.since)
        elif state in TERMINAL:
            self._meter.ended(state.value, time.monotonic() - job.since)

    def _expire(self) -> None:
        now = time.monotonic()
        for job, late in [(job, late) for job in self.jobs.values() if (late := job.late(now))]:
            self.end(job, State.FAILED, Failed(late, _LATE[late]))

    def _fail(self, key: Hashable) -> None:
        """A step failed in a way no single row explains: fail the key's jobs."""
        del self._running[key]
        for job in [job for job in self.jobs.values() if job.key == key]:
            self.end(job, State.FAILED, Failed(Failure.BUG, "a step failed"))
