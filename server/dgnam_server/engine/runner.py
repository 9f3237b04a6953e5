"""Runner: jobs and the lanes that their rows share, one iteration of one lane at a time.

Rules: only the device thread touches a runner. A job is in `jobs` from `take` until it has ended, and a row of it is either waiting or
running in the scheduler until it has left; whoever takes a row out of a lane tells the scheduler. Work fails alone where it can: a row that
ends badly ends its job, a step that raises ends the jobs of its key, and neither ends anything else.
"""

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from dgnam_server.engine.events import Event, Failed, Failure, Finished, Progress, Started
from dgnam_server.engine.job import TERMINAL, Job, State
from dgnam_server.engine.load import LaneLoad, Load
from dgnam_server.engine.scheduler import Scheduler
from dgnam_server.engine.work import Lane, Work

log = logging.getLogger(__name__)

TELL_EVERY_S = 0.1  # progress is read back at most ten times a second (SERVING.md)
# And with many rows less often, so that they all together hear of so many steps a second: on a processor, passing them on takes time from
# the step. A row's progress message costs server and client about half a millisecond of a core.
PROGRESS_PER_S = 40


@dataclass
class Running:
    """An open lane, and when it was last asked how far its rows are."""

    lane: Lane[Any]  # of the work that has its key
    told_at: float = 0.0


class Runner:
    """Takes jobs, and runs what is due.

    Args:
        batch_bytes: the most memory of a batch whose rows say what they take.
        moved: called with a job and the state that it has left.
    """

    def __init__(self, batch_bytes: int, moved: Callable[[Job, State], None]) -> None:
        self.batch_rows = 1  # what the warm-up finds to pay
        self.row_step_s = 0.001  # device time per row and step, a running mean
        self.scheduler: Scheduler[Hashable] = Scheduler()
        self.jobs: dict[int, Job] = {}
        self._batch_bytes, self._moved = batch_bytes, moved
        self._running: dict[Hashable, Running] = {}
        self._ended = dict.fromkeys(TERMINAL, 0)

    def take(self, job: Job) -> None:
        """Let a job's rows wait for a lane."""
        self.jobs[job.id] = job
        self.scheduler.add(job.id, job.work.key, job.work.rows, self._capacity(job.work))

    def run(self) -> None:
        """End the jobs that are late, and give the next key its turn; nothing happens where there are no rows."""
        self._expire()
        key = self.scheduler.next_key()
        if key is not None:
            self._turn(key)
        for key in [key for key in self._running if key not in self.scheduler]:
            del self._running[key]

    def end(self, job: Job, state: State, event: Failed | None) -> None:
        """Move a job to its terminal state and take out whatever rows it still has. Nothing happens if it has ended already."""
        if job.state in TERMINAL:
            return
        phase, key = job.state.value, job.work.key
        self._move(job, state)
        self._ended[state] += 1
        self.jobs.pop(job.id, None)
        self.scheduler.drop(job.id, key)
        running = self._running.get(key)
        if running and (gone := running.lane.leave(job.id)):
            self.scheduler.left(key, gone)
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
            lanes=tuple(LaneLoad(str(key), running, waiting) for key, (running, waiting) in self.scheduler.counts().items()),
            finished_jobs=self._ended[State.FINISHED],
            failed_jobs=self._ended[State.FAILED],
            cancelled_jobs=self._ended[State.CANCELLED],
        )

    def _capacity(self, work: Work) -> int:
        """The most rows of a lane: as many as pay, and where rows say what they take, as many as fit into memory."""
        if work.strict:
            return 1
        return max(1, min(self.batch_rows, self._batch_bytes // work.row_bytes)) if work.row_bytes else self.batch_rows

    def _turn(self, key: Hashable) -> None:
        """One iteration of the key's lane, at its cost."""
        started = time.monotonic()
        try:
            self._iterate(key)
        except Exception:
            log.exception("a batch failed: %s", key)
            self._fail(key)
        self.scheduler.charge(key, time.monotonic() - started)

    def _iterate(self, key: Hashable) -> None:
        """Let rows join, step the lane, tell what happened."""
        for waiting in self.scheduler.admit(key):
            if job := self.jobs.get(waiting.job):
                self._join(key, job, waiting.row)
            else:  # ended while an earlier of its rows joined
                self.scheduler.left(key, 1)
        running = self._running.get(key)
        if running is None or not (rows := len(running.lane)):
            return
        now = time.monotonic()
        if tell := now - running.told_at >= max(TELL_EVERY_S, rows / PROGRESS_PER_S):
            running.told_at = now
        events = running.lane.step(tell)
        self.scheduler.left(key, rows - len(running.lane))
        self.row_step_s += 0.1 * ((time.monotonic() - now) / rows - self.row_step_s)
        for number, event in events:
            self._tell(self.jobs.get(number), event)

    def _join(self, key: Hashable, job: Job, row: int) -> None:
        try:
            if key not in self._running:
                self._running[key] = Running(job.work.open())
            self._running[key].lane.join(job.id, job.work, row)
        except Exception:
            log.exception("a row could not be made: %s", key)
            self.scheduler.left(key, 1)
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

    def _expire(self) -> None:
        now = time.monotonic()
        for job in [job for job in self.jobs.values() if job.deadline is not None and job.deadline <= now]:
            self.end(job, State.FAILED, Failed(Failure.DEADLINE, "the deadline was reached"))

    def _fail(self, key: Hashable) -> None:
        """A step failed in a way no single row explains: fail the key's jobs."""
        for job in [job for job in self.jobs.values() if job.work.key == key]:
            self.end(job, State.FAILED, Failed(Failure.BUG, "a step failed"))
        self.scheduler.forget(key)
        self._running.pop(key, None)
