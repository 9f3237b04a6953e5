"""The runner on tiny real models, driven by hand: what is counted is iterations and bytes, not seconds."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from callers import FOREVER, spec_for
from dgnam_server.engine import runner as runner_module
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Event, Failed, Failure, Finished, Progress, Started
from dgnam_server.engine.job import Job, Standing, State
from dgnam_server.engine.kinds.synthesis import Synthesis, SynthesisLane
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.meter import Unmeasured
from dgnam_server.engine.runner import Pace, Runner
from dgnam_server.engine.scheduler import Priority
from dgnam_server.engine.work import Work
from dgnam_server.synth.methods import METHODS

MIB = 2**20
PYRAMID = METHODS["pyramid"]


class Bench:
    """A runner, and what the callers of its jobs heard."""

    def __init__(self, **limits: int) -> None:
        self.limits = EngineLimits(**limits)
        self.rows = 4
        self.runner = Runner(self.limits, lambda key: self.rows, lambda job, before: None, Unmeasured())
        self.heard: dict[int, list[Event]] = defaultdict(list)
        self._next = 0

    def take(self, work: Work, client: str = "", **standing: object) -> Job:
        job = Job(self._next, work, self.heard[self._next].append, None, Standing(client, **standing))  # type: ignore[arg-type]
        self._next += 1
        self.runner.take(job)
        return job

    def iterations_until(self, done: Callable[[], bool], most: int = 2000) -> int:
        for count in range(most):
            if done():
                return count
            self.runner.run()
            assert self.runner.scheduler.budget.held <= self.limits.row_bytes
        raise AssertionError(f"not within {most} iterations")

    def started(self, job: Job) -> bool:
        return any(isinstance(event, Started) for event in self.heard[job.id])


@pytest.fixture
def pixels_for(builder: Builder) -> Callable[..., Synthesis]:
    """A synthesis of pixels of a size, with `steps` of it."""

    def pixels_for(size: tuple[int, int], steps: int = 2, **fields: object) -> Synthesis:
        settings = PYRAMID.settings({"steps": steps}, {})
        return builder.synthesis(spec_for(("tiny", "fc8", 1), prior="", method="pyramid", settings=settings, size=size, **fields))

    return pixels_for


@pytest.mark.parametrize("unit", [("tiny", "fc8", 2), ("tiny-res", "fc", 2)], ids=["the same batch", "another batch"])
def test_another_clients_picture_starts_at_once_beside_330_long_jobs(builder: Builder, unit: tuple[str, str, int]) -> None:
    bench, long = Bench(), builder.synthesis(spec_for(("tiny", "fc8", 1), settings=FOREVER))
    for _ in range(330):
        bench.take(long, "greedy")
    bench.iterations_until(lambda: bool(bench.runner.jobs), 1)
    for _ in range(3):
        bench.runner.run()
    job = bench.take(builder.synthesis(spec_for(unit)), "modest")
    assert bench.iterations_until(lambda: bench.started(job)) == 1
    assert bench.iterations_until(lambda: job.state is State.FINISHED) <= 2 * job.work.steps + 2


def test_requests_of_36_sizes_stay_within_the_memory_and_all_finish(pixels_for: Callable[..., Synthesis]) -> None:
    works = [pixels_for((16 + 4 * i, 48), seed=i) for i in range(36)]
    assert len({work.key for work in works}) == 36, "each has a lane of its own"
    total = sum(work.row_bytes + work.result_bytes for work in works)
    bench = Bench(max_memory_mib=total // 4 // MIB + 1)
    jobs = [bench.take(work, "one") for work in works]
    bench.runner.run()
    assert 1 <= len(bench.runner._running) < 36
    while any(job.state is not State.FINISHED for job in jobs):
        bench.iterations_until(lambda: any(job.state is State.FINISHED for job in jobs if job.id in bench.runner._unclosed))
        for job in jobs:
            if job.state is State.FINISHED:
                bench.runner.close(job)
    assert bench.runner.scheduler.budget.held == 0
    starts = [job.id for job in jobs if bench.started(job)]
    assert starts == sorted(starts) and len(starts) == 36


def test_results_that_nobody_reads_hold_their_own_job_back_and_nobody_else(pixels_for: Callable[..., Synthesis]) -> None:
    work = pixels_for((128, 128), variants=64)
    bench = Bench(max_memory_mib=(8 * work.result_bytes + 4 * work.row_bytes) // MIB)
    deaf = bench.take(work, "deaf")
    for _ in range(400):
        bench.runner.run()
    drawn = sum(isinstance(event, Finished) for event in bench.heard[deaf.id])
    assert 1 <= drawn < 64
    assert deaf.state is State.RUNNING
    assert bench.runner.load().memory_bytes >= drawn * work.result_bytes, "the load tells what lies unread"
    other = bench.take(pixels_for((128, 128)), "other")
    bench.iterations_until(lambda: other.state is State.FINISHED)
    read = 0

    def reads() -> bool:
        nonlocal read
        while read < sum(isinstance(event, Finished) for event in bench.heard[deaf.id]):
            bench.runner.read(deaf)
            read += 1
        return deaf.state is State.FINISHED

    bench.iterations_until(reads)
    for job in (deaf, other):
        assert bench.runner.close(job)
        assert not bench.runner.close(job), "once is enough"
    assert bench.runner.scheduler.budget.held == 0


def test_a_job_that_waits_too_long_fails_and_one_that_runs_does_not(builder: Builder) -> None:
    bench, work = Bench(), builder.synthesis(spec_for(("tiny", "fc8", 1), settings=FOREVER))
    running = [bench.take(work, "a", start_by=1e12) for _ in range(4)]
    bench.runner.run()
    late = bench.take(work, "a", start_by=0.0)
    for job in running:
        job.standing = replace(job.standing, start_by=0.0)
    bench.runner.run()
    assert all(job.state is State.RUNNING for job in running)
    (failure,) = bench.heard[late.id]
    assert isinstance(failure, Failed)
    assert (failure.failure, failure.phase) == (Failure.QUEUE_TIMEOUT, "queued")


def test_a_clients_batch_jobs_let_its_interactive_ones_start_first(builder: Builder) -> None:
    bench, work = Bench(), builder.synthesis(spec_for(("tiny", "fc8", 1)))
    night = [bench.take(work, priority=Priority.BATCH) for _ in range(20)]
    bench.runner.run()
    day = bench.take(work)
    bench.iterations_until(lambda: bench.started(day))
    assert sum(map(bench.started, night)) <= 4 + 3, "the three that joined with it found places of those who ended with the first"


def test_two_clients_strict_rows_do_not_wait_for_each_other(builder: Builder) -> None:
    bench, work = Bench(), builder.synthesis(spec_for(("tiny", "fc8", 1), settings=FOREVER, strict=True))
    first, second = bench.take(work, "a"), bench.take(work, "b")
    bench.runner.run()
    assert bench.started(first) and bench.started(second)
    assert [lane.running_rows for lane in bench.runner.load().lanes] == [1, 1], "and each has its batch to itself"
    assert len({lane.key for lane in bench.runner.load().lanes}) == 1


def test_the_load_tells_each_client_its_own_place(builder: Builder) -> None:
    bench, work = Bench(), builder.synthesis(spec_for(("tiny", "fc8", 1), settings=FOREVER))
    for client in ("a", "b", "c"):
        for _ in range(9):
            bench.take(work, client)
    bench.runner.run()
    clients = bench.runner.load().clients
    assert sorted(load.running_jobs for load in clients.values()) == [1, 1, 2]
    assert sorted(load.clients_ahead for load in clients.values()) == [0, 1, 2]
    assert all(load.memory_bytes == load.running_jobs * (work.row_bytes + work.result_bytes) for load in clients.values())


@pytest.mark.parametrize(
    ("row_s", "as_set", "expected"),
    [(0.001, None, [4, 12, 12]), (0.2, None, [4, 5, 5]), (30.0, None, [4, 4, 4]), (0.2, 16, [12, 12, 12])],
    ids=["quick", "slow", "very slow", "slow, but its size was set"],
)
def test_a_lane_grows_until_its_step_takes_a_second(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, row_s: float, as_set: int | None, expected: list[int]
) -> None:
    """However many rows pay: a step of so many slow ones would keep all other lanes waiting."""
    bench = Bench(**({} if as_set is None else {"batch_rows": as_set}))
    bench.rows = 16
    now, step = 0.0, SynthesisLane.step

    def slow_step(lane: SynthesisLane, tell: bool, due: Due) -> list[tuple[int, Event]]:
        nonlocal now
        now += row_s * due.rows
        return step(lane, tell, due)

    monkeypatch.setattr(SynthesisLane, "step", slow_step)
    monkeypatch.setattr(runner_module, "time", SimpleNamespace(monotonic=lambda: now))
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), settings=FOREVER))
    for _ in range(12):
        bench.take(work)
    sizes = []
    for _ in expected:
        bench.runner.run()
        sizes.append(bench.runner.load().lanes[0].running_rows)
    assert sizes == expected


@pytest.mark.parametrize(("row_s", "expected"), [(0.01, [4, 16, 4]), (0.1, [4, 2, 2]), (0.3, [4, 1, 1])])
def test_large_rows_step_a_quarter_of_a_second_at_most(
    pixels_for: Callable[..., Synthesis], monkeypatch: pytest.MonkeyPatch, row_s: float, expected: list[int]
) -> None:
    """Where callers choose the size: such rows gain nothing from each other, and another client waits for their step."""
    bench, now, stepped = Bench(), 0.0, list[int]()
    bench.rows = 16

    def slow_step(lane: SynthesisLane, tell: bool, due: Due) -> list[tuple[int, Event]]:
        nonlocal now
        now += row_s * due.rows
        stepped.append(due.rows)
        done: list[tuple[int, Event]] = [(slot.job, Finished(slot.row, None)) for slot in lane._groups.slots]
        return done[: due.rows]

    monkeypatch.setattr(SynthesisLane, "step", slow_step)
    monkeypatch.setattr(runner_module, "time", SimpleNamespace(monotonic=lambda: now))
    for number in range(24):
        bench.take(pixels_for((48, 48), seed=number))
    for _ in expected:
        bench.runner.run()
    assert stepped == expected


@pytest.mark.parametrize(("rows", "expected"), [([1], 10), ([16], 40), ([4, 12], 40), ([1, 1, 1], 30)], ids=str)
def test_rows_of_all_lanes_together_tell_how_far_they_are_forty_times_a_second(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, rows: list[int], expected: int
) -> None:
    """Each as often as the others, and none more than ten times: a message takes half a millisecond of those who draw."""
    bench = Bench(batch_rows=32)
    bench.rows = 32
    now = 0.0

    def step_of_20_ms(lane: SynthesisLane, tell: bool, due: Due) -> list[tuple[int, Event]]:
        nonlocal now
        now += 0.02 / len(rows)
        assert due.rows == len(lane)
        return [(slot.job, Progress(slot.row, 1, 2, 0.0)) for slot in lane._groups.slots] if tell else []

    monkeypatch.setattr(SynthesisLane, "step", step_of_20_ms)
    monkeypatch.setattr(runner_module, "time", SimpleNamespace(monotonic=lambda: now))
    units = [("tiny", "fc8", 1), ("tiny-res", "fc", 2), ("tiny", "fc6", 3)]
    jobs = [
        bench.take(builder.synthesis(spec_for(unit, settings=FOREVER)), str(unit))
        for unit, count in zip(units, rows, strict=False)
        for _ in range(count)
    ]
    while now < 5.0:
        bench.runner.run()
    told = [sum(isinstance(event, Progress) for event in bench.heard[job.id]) for job in jobs]
    assert sum(told) / now == pytest.approx(expected, rel=0.15)
    assert max(told) - min(told) <= 0.15 * max(told) + 1


def test_one_slow_step_does_not_make_a_lane_small() -> None:
    pace = Pace()
    for seconds in (9.0, 0.01, 5.0):
        pace.add(1, seconds)
    assert pace.row_s == 0.01
    for _ in range(8):
        pace.add(1, 0.5)
    assert pace.row_s == 0.5, "but one that is always slow does"


def test_a_step_takes_as_long_as_those_of_about_as_many_rows_took() -> None:
    """On a GPU one row takes about as long as 32."""
    pace = Pace()
    pace.add(32, 0.008)
    assert pace.step_s(1) == pytest.approx(0.00025), "as long as nothing else is known"
    pace.add(1, 0.005)
    assert pace.step_s(1) == pytest.approx(0.005)
    assert pace.step_s(33) == pytest.approx(33 * 0.00025)
    assert pace.row_s == pytest.approx(0.00025), "single rows do not make a lane small"
