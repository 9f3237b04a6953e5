"""The engine on tiny real models: what a job's caller hears, and that sharing a batch changes nothing."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from callers import FOREVER, Caller, Late, reference, spec_for, values
from dgnam_server.catalog import Catalog
from dgnam_server.engine import heap, runner
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failed, Failure, Finished, Progress, Queued, Started
from dgnam_server.engine.job import Job
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.engine.kinds.synthesis_result import Ending
from dgnam_server.engine.load import Draining, EngineLimits, Overloaded
from dgnam_server.engine.runner import Runner
from dgnam_server.engine.warmup import typical
from dgnam_server.synth import ascent
from dgnam_server.synth.problem import Problem

WorkFor = Callable[..., Synthesis]


def test_events_come_in_order_and_end_once(engine: DeviceThread, work_for: WorkFor) -> None:
    caller = Caller()
    engine.submit(work_for(("tiny", "fc8", 1)), caller)
    events = caller.wait_for_end()
    kinds = [type(event) for event in events]
    assert kinds[:2] == [Queued, Started]
    assert kinds[-1] is Finished
    assert kinds.count(Finished) == 1
    result = values(events)[0]
    assert result.image.shape == (32, 32, 3)
    assert result.history.shape == (20, 1)
    assert result.activation == pytest.approx(result.history[-1, 0])
    assert result.ending is Ending.STEPS_DONE


def test_cancel_frees_the_rows_and_says_so_once(engine: DeviceThread, work_for: WorkFor) -> None:
    caller = Caller()
    ticket = engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER, variants=6), caller)
    caller.wait_for_start()
    for _ in range(3):
        ticket.close()
    events = caller.wait_for(lambda events: isinstance(events[-1], Failed))
    failure = events[-1]
    assert isinstance(failure, Failed)
    assert (failure.failure, failure.phase) == (Failure.CANCELLED, "running")
    after = Caller()
    engine.submit(work_for(("tiny", "fc8", 1)), after)
    after.wait_for_end()
    assert sum(isinstance(event, Failed) for event in caller.events) == 1
    assert engine.load().cancelled_jobs == 1


@pytest.mark.parametrize("phase", ["queued", "running"])
def test_a_deadline_ends_a_job_waiting_or_running(
    engine: DeviceThread, phase: str, work_for: WorkFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Late(monkeypatch)
    engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER), caller, caller.deadline if phase == "running" else time.monotonic())
    failure = caller.wait_for(lambda events: isinstance(events[-1], Failed))[-1]
    assert isinstance(failure, Failed)
    assert (failure.failure, failure.phase) == (Failure.DEADLINE, phase)


def test_the_queue_is_bounded_and_opens_again(engine: DeviceThread, work_for: WorkFor) -> None:
    tickets = [engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER, variants=4), first := Caller())]
    first.wait_for_start()
    callers = [Caller() for _ in range(8)]
    tickets += [engine.submit(work_for(("tiny", "fc8", 1)), caller) for caller in callers]
    with pytest.raises(Overloaded) as refused:
        engine.submit(work_for(("tiny", "fc8", 1)), Caller())
    assert 0.5 <= refused.value.retry_after_s <= 60
    assert [event.position for caller in callers for event in caller.events if isinstance(event, Queued)] == list(range(8))
    tickets[0].close()
    for caller in callers:
        assert values(caller.wait_for_end())
    assert engine.load().queued_jobs == 0


def test_other_keys_go_on_while_one_is_busy(engine: DeviceThread, work_for: WorkFor) -> None:
    busy = engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER, variants=4), Caller())
    caller = Caller()
    engine.submit(work_for(("tiny-res", "fc", 1)), caller)
    assert values(caller.wait_for_end())
    busy.close()


def test_every_key_hears_of_its_progress(engine: DeviceThread, work_for: WorkFor) -> None:
    units = [("tiny", "fc8", 1), ("tiny", "conv3", 1), ("tiny-res", "fc", 1)]
    callers = [Caller() for _ in units]
    tickets = [engine.submit(work_for(unit, settings=FOREVER), caller) for unit, caller in zip(units, callers, strict=True)]
    for caller in callers:
        caller.wait_for(lambda events: sum(isinstance(event, Progress) for event in events) >= 5)
    for ticket in tickets:
        ticket.close()


def test_many_rows_together_hear_of_no_more_steps_a_second(
    engine: DeviceThread, monkeypatch: pytest.MonkeyPatch, work_for: WorkFor
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_PER_S", 4)
    caller, started = Caller(), time.monotonic()
    ticket = engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER, variants=4), caller)
    caller.wait_for(lambda events: any(isinstance(event, Progress) for event in events))
    time.sleep(1.2)
    ticket.close()
    events = caller.wait_for_end()
    heard = sum(isinstance(event, Progress) for event in events)
    assert 0 < heard <= 4 * (time.monotonic() - started) + 4, "a step of each row, and then four a second"


def test_a_broken_step_fails_its_jobs_and_the_engine_lives(
    engine: DeviceThread, monkeypatch: pytest.MonkeyPatch, work_for: WorkFor
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken on purpose")

    caller = Caller()
    with monkeypatch.context() as patched:
        patched.setattr(ascent, "step", broken)
        engine.submit(work_for(("tiny", "fc8", 1), variants=3), caller)
        failure = caller.wait_for_end(3)[-1]
    assert isinstance(failure, Failed)
    assert failure.failure is Failure.BUG
    again = Caller()
    engine.submit(work_for(("tiny", "fc8", 1)), again)
    assert values(again.wait_for_end())


def test_out_of_memory_halves_the_batch_and_tries_again(
    engine: DeviceThread, tiny: Catalog, monkeypatch: pytest.MonkeyPatch, builder: Builder
) -> None:
    real, sizes = ascent.step, []

    def small_device(problem: Problem, rows: ascent.Rows, idle: frozenset[str]) -> tuple[ascent.Rows, ascent.Seen]:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("pretend")
        return real(problem, rows, idle)

    spec = spec_for(("tiny", "fc8", 1), variants=4)
    caller = Caller()
    with monkeypatch.context() as patched:
        patched.setattr(ascent, "step", small_device)
        engine.submit(builder.synthesis(spec), caller)
        results = values(caller.wait_for_end(4))
    assert max(sizes) == 4
    for variant, result in enumerate(results):
        np.testing.assert_allclose(result.image, reference(tiny, spec, variant)[0], rtol=1e-4, atol=1e-5)


def test_only_the_device_thread_gets_the_processor_threads(tiny: Catalog, builder: Builder, work_for: WorkFor) -> None:
    before = torch.get_num_threads()
    engine = DeviceThread(typical(builder), EngineLimits(8, 1), threads=before + 2)
    engine.start()
    seen: list[int] = []
    caller = Caller()

    def emit(event: Event) -> None:
        if isinstance(event, Started):
            seen.append(torch.get_num_threads())
        caller(event)

    try:
        engine.submit(work_for(("tiny", "fc8", 1)), emit)
        caller.wait_for_end()
    finally:
        engine.drain(0)
        torch.set_num_threads(before)
    assert seen == [before + 2]


def test_a_failing_warm_up_is_the_callers_to_hear(monkeypatch: pytest.MonkeyPatch, builder: Builder) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken on purpose")

    monkeypatch.setattr(ascent, "step", broken)
    with pytest.raises(ValueError, match="on purpose"):
        DeviceThread(typical(builder), EngineLimits(8, 4)).start()


def test_drain_lets_work_finish_and_refuses_more(tiny: Catalog, builder: Builder, work_for: WorkFor) -> None:
    engine = DeviceThread(typical(builder), EngineLimits(8, 4))
    engine.start()
    caller = Caller()
    engine.submit(work_for(("tiny", "fc8", 1)), caller)
    engine.drain(30)
    assert values(caller.events)
    with pytest.raises(Draining):
        engine.submit(work_for(("tiny", "fc8", 1)), Caller())


def test_drain_ends_what_does_not_finish_in_time(tiny: Catalog, builder: Builder, work_for: WorkFor) -> None:
    engine = DeviceThread(typical(builder), EngineLimits(8, 4))
    engine.start()
    caller = Caller()
    engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER), caller)
    caller.wait_for_start()
    engine.drain(0.1)
    assert isinstance(caller.events[-1], Failed)
    assert caller.events[-1].failure is Failure.DRAINING


def test_drain_waits_for_a_job_on_its_way_from_the_inbox(builder: Builder, work_for: WorkFor, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, take, taking = DeviceThread(typical(builder), EngineLimits(8, 4)), Runner.take, threading.Event()

    def slow_take(self: Runner, job: Job) -> None:
        taking.set()
        time.sleep(0.3)
        take(self, job)

    monkeypatch.setattr(Runner, "take", slow_take)
    engine.start()
    caller = Caller()
    engine.submit(work_for(("tiny", "fc8", 1)), caller)
    assert taking.wait(100)
    engine.drain(30)
    assert values(caller.events)


def test_memory_is_given_back_after_a_job_was_closed_though_nothing_else_happens(
    builder: Builder, work_for: WorkFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = threading.Semaphore(0)
    monkeypatch.setattr(heap.Returns, "AFTER_S", 0.05)
    monkeypatch.setattr(heap, "give_back", given.release)
    engine, caller = DeviceThread(typical(builder), EngineLimits(8, 4, batch_rows=4)), Caller()
    engine.start()
    assert given.acquire(timeout=100), "after the warm-up"
    ticket = engine.submit(work_for(("tiny", "fc8", 1)), caller)
    caller.wait_for_end()
    assert engine.load().memory_bytes > 0, "nobody has read the result"
    ticket.close()
    assert given.acquire(timeout=100)
    assert engine.load().memory_bytes == 0
    engine.drain(0)
