"""The engine on tiny real models: what a job's caller hears, and that sharing a batch changes nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.engine import engine as engine_module
from dgnam_server.engine import lane as lane_module
from dgnam_server.engine.engine import Draining, Engine, EngineLimits, Overloaded
from dgnam_server.engine.job import Ending, Event, Failed, Failure, Finished, Progress, Queued, Started
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.spec import Balance, Settings, Start, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

SETTINGS: Settings = {"steps": 20, "start_learning_rate": 0.3, "end_learning_rate": 1e-10, "decay": 0.01, "bound_multiplier": 3.0}
FOREVER = {**SETTINGS, "steps": 50_000}


class Caller:
    """Collects a job's events and waits for its end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[list[Event]], bool], seconds: float = 30) -> list[Event]:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.events), seconds), f"only heard {self.events}"
            return list(self.events)

    def wait_for_end(self, pictures: int = 1) -> list[Event]:
        return self.wait_for(lambda events: len(finished(events)) == pictures or isinstance(events[-1], Failed))

    def wait_for_start(self) -> None:
        self.wait_for(lambda events: any(isinstance(event, Started) for event in events))


def finished(events: list[Event]) -> list[Finished]:
    return [event for event in events if isinstance(event, Finished)]


def spec_for(*units: tuple[str, str, int], settings: Settings = SETTINGS, **fields: object) -> SynthesisSpec:
    terms = tuple(Term(Unit(*unit)) for unit in units)
    spec = SynthesisSpec(terms, Balance.NONE, "tiny-prior", "dgn-am", settings, seed=0)
    return replace(spec, **fields)


def reference(catalog: Catalog, spec: SynthesisSpec, variant: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Picture and code of the reference loop, alone."""
    networks = tuple(catalog.networks[name] for name in sorted({term.unit.model for term in spec.terms}))
    prior = GeneratorPrior(catalog.generators[spec.prior])
    problem = Problem(prior, networks, sources(spec), spec.balance, DGN_AM.structure(spec.settings), centre_crop)
    _, seen = ascent.run(problem, ascent.init(problem, spec, variant))
    return seen.image[0].permute(1, 2, 0).numpy(), seen.code[0].numpy()


@pytest.fixture
def engine(tiny: Catalog) -> Iterator[Engine]:
    made = Engine(tiny, torch.device("cpu"), EngineLimits(queue_capacity=8, max_batch_rows=4))
    made.start()
    made._batch_rows = 4  # what the profile found may be less
    yield made
    made.drain(0)
    assert made.load().lanes == (), "rows leaked"
    assert made.load().running_jobs == made.load().queued_jobs == 0
    assert not any(thread.name == "dgnam-device" for thread in threading.enumerate())


def test_events_come_in_order_and_end_once(engine: Engine) -> None:
    caller = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1)), caller)
    events = caller.wait_for_end()
    kinds = [type(event) for event in events]
    assert kinds[:2] == [Queued, Started]
    assert kinds[-1] is Finished
    assert kinds.count(Finished) == 1
    result = finished(events)[0]
    assert result.image.shape == (32, 32, 3)
    assert result.history.shape == (20, 1)
    assert result.activation == pytest.approx(result.history[-1, 0])
    assert result.ending is Ending.STEPS_DONE


def test_engine_draws_what_the_reference_loop_draws_with_neighbours_joining_and_leaving(engine: Engine, tiny: Catalog) -> None:
    specs = [
        spec_for(("tiny", "fc8", 1), seed=3, settings={**SETTINGS, "steps": 40}),
        spec_for(("tiny", "fc8", 2), ("tiny", "fc8", 5), seed=4),
        spec_for(("tiny", "fc8", 3), seed=5, settings={**SETTINGS, "steps": 7, "decay": 0.2}),
        spec_for(("tiny", "fc8", 4), seed=6, variants=3),
        spec_for(("tiny-res", "fc", 0), ("tiny", "conv3", 2), seed=7, balance=Balance.GRADIENT_NORM),
        spec_for(("tiny", "fc8", 0), seed=8, settings={**SETTINGS, "bound_multiplier": 1.0}),
    ]
    callers = [Caller() for _ in specs]
    for spec, caller in zip(specs, callers, strict=True):
        engine.submit(spec, caller)
        time.sleep(0.01)
    for spec, caller in zip(specs, callers, strict=True):
        results = finished(caller.wait_for_end(spec.variants))
        assert sorted(result.variant for result in results) == list(range(spec.variants))
        for result in results:
            image, code = reference(tiny, spec, result.variant)
            np.testing.assert_allclose(result.image, image, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(result.code, code, rtol=1e-4, atol=1e-5)


def test_strict_gives_the_same_bits_beside_other_work(engine: Engine) -> None:
    def drawn() -> np.ndarray:
        caller = Caller()
        engine.submit(spec_for(("tiny", "fc8", 1), strict=True), caller)
        return finished(caller.wait_for_end())[0].image

    alone = drawn()
    ticket = engine.submit(spec_for(("tiny", "fc8", 2), settings=FOREVER, variants=3), Caller())
    beside = drawn()
    ticket.cancel()
    np.testing.assert_array_equal(alone, beside)


def test_cancel_frees_the_rows_and_says_so_once(engine: Engine) -> None:
    caller = Caller()
    ticket = engine.submit(spec_for(("tiny", "fc8", 1), settings=FOREVER, variants=6), caller)
    caller.wait_for_start()
    for _ in range(3):
        ticket.cancel()
    events = caller.wait_for(lambda events: isinstance(events[-1], Failed))
    failure = events[-1]
    assert isinstance(failure, Failed)
    assert (failure.failure, failure.phase) == (Failure.CANCELLED, "running")
    after = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1)), after)
    after.wait_for_end()
    assert sum(isinstance(event, Failed) for event in caller.events) == 1
    assert engine.load().cancelled_jobs == 1


@pytest.mark.parametrize(("after_s", "phase"), [(0.0, "queued"), (0.2, "running")])
def test_a_deadline_ends_a_job_waiting_or_running(engine: Engine, after_s: float, phase: str) -> None:
    caller = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1), settings=FOREVER), caller, time.monotonic() + after_s)
    failure = caller.wait_for(lambda events: isinstance(events[-1], Failed))[-1]
    assert isinstance(failure, Failed)
    assert (failure.failure, failure.phase) == (Failure.DEADLINE, phase)


def test_the_queue_is_bounded_and_opens_again(engine: Engine) -> None:
    tickets = [engine.submit(spec_for(("tiny", "fc8", 1), settings=FOREVER, variants=4), first := Caller())]
    first.wait_for_start()
    callers = [Caller() for _ in range(8)]
    tickets += [engine.submit(spec_for(("tiny", "fc8", 1)), caller) for caller in callers]
    with pytest.raises(Overloaded) as refused:
        engine.submit(spec_for(("tiny", "fc8", 1)), Caller())
    assert 0.5 <= refused.value.retry_after_s <= 60
    assert [event.position for caller in callers for event in caller.events if isinstance(event, Queued)] == list(range(8))
    tickets[0].cancel()
    for caller in callers:
        assert finished(caller.wait_for_end())
    assert engine.load().queued_jobs == 0


def test_other_keys_go_on_while_one_is_busy(engine: Engine) -> None:
    busy = engine.submit(spec_for(("tiny", "fc8", 1), settings=FOREVER, variants=4), Caller())
    caller = Caller()
    engine.submit(spec_for(("tiny-res", "fc", 1)), caller)
    assert finished(caller.wait_for_end())
    busy.cancel()


def test_every_key_hears_of_its_progress(engine: Engine) -> None:
    units = [("tiny", "fc8", 1), ("tiny", "conv3", 1), ("tiny-res", "fc", 1)]
    callers = [Caller() for _ in units]
    tickets = [engine.submit(spec_for(unit, settings=FOREVER), caller) for unit, caller in zip(units, callers, strict=True)]
    for caller in callers:
        caller.wait_for(lambda events: sum(isinstance(event, Progress) for event in events) >= 5)
    for ticket in tickets:
        ticket.cancel()


def test_many_rows_together_hear_of_no_more_steps_a_second(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "PROGRESS_PER_S", 4)
    caller, started = Caller(), time.monotonic()
    ticket = engine.submit(spec_for(("tiny", "fc8", 1), settings=FOREVER, variants=4), caller)
    time.sleep(1.2)
    ticket.cancel()
    events = caller.wait_for_end()
    heard = sum(isinstance(event, Progress) for event in events)
    assert 0 < heard <= 4 * (time.monotonic() - started) + 4, "a step of each row, and then four a second"


def test_a_row_that_cannot_be_computed_fails_alone(engine: Engine, tiny: Catalog) -> None:
    size = tiny.generators["tiny-prior"].code_size
    bad = spec_for(("tiny", "fc8", 1), start=Start(code=np.full(size, np.nan, dtype=np.float32)), settings={**SETTINGS, "steps": 1})
    good = spec_for(("tiny", "fc8", 2), seed=9)
    callers = Caller(), Caller()
    engine.submit(bad, callers[0])
    engine.submit(good, callers[1])
    failure = callers[0].wait_for_end()[-1]
    assert isinstance(failure, Failed)
    assert failure.failure is Failure.NUMERIC
    np.testing.assert_allclose(finished(callers[1].wait_for_end())[0].image, reference(tiny, good)[0], rtol=1e-4, atol=1e-5)


def test_a_broken_step_fails_its_jobs_and_the_engine_lives(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken on purpose")

    caller = Caller()
    with monkeypatch.context() as patched:
        patched.setattr(lane_module.ascent, "step", broken)
        engine.submit(spec_for(("tiny", "fc8", 1), variants=3), caller)
        failure = caller.wait_for_end(3)[-1]
    assert isinstance(failure, Failed)
    assert failure.failure is Failure.BUG
    again = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1)), again)
    assert finished(again.wait_for_end())


def test_out_of_memory_halves_the_batch_and_tries_again(engine: Engine, tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sizes = ascent.step, []

    def small_device(problem: Problem, rows: ascent.Rows) -> tuple[ascent.Rows, ascent.Seen]:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("pretend")
        return real(problem, rows)

    spec = spec_for(("tiny", "fc8", 1), variants=4)
    caller = Caller()
    with monkeypatch.context() as patched:
        patched.setattr(ascent, "step", small_device)
        engine.submit(spec, caller)
        results = finished(caller.wait_for_end(4))
    assert max(sizes) == 4
    for result in results:
        np.testing.assert_allclose(result.image, reference(tiny, spec, result.variant)[0], rtol=1e-4, atol=1e-5)


def test_previews_come_when_asked_for(engine: Engine) -> None:
    caller = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1), preview_interval=5), caller)
    events = caller.wait_for_end()
    previews = [event for event in events if isinstance(event, Progress) and event.preview is not None]
    assert [event.step for event in previews] == [5, 10, 15, 20]
    assert previews[0].preview is not None
    assert previews[0].preview.shape == (32, 32, 3)


def test_a_start_image_is_encoded(engine: Engine, tiny: Catalog) -> None:
    image = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)
    caller = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1), start=Start(image=image), settings={**SETTINGS, "steps": 1}), caller)
    network = tiny.networks["tiny"]
    code = network.activations(torch.from_numpy(image).permute(2, 0, 1)[None], ["relu6"])["relu6"][0]
    np.testing.assert_allclose(finished(caller.wait_for_end())[0].code, code.numpy(), rtol=1e-5)


def test_only_the_device_thread_gets_the_processor_threads(tiny: Catalog) -> None:
    before = torch.get_num_threads()
    engine = Engine(tiny, torch.device("cpu"), EngineLimits(8, 1), threads=before + 2)
    engine.start()
    seen: list[int] = []
    caller = Caller()

    def emit(event: Event) -> None:
        if isinstance(event, Started):
            seen.append(torch.get_num_threads())
        caller(event)

    try:
        engine.submit(spec_for(("tiny", "fc8", 1)), emit)
        caller.wait_for_end()
    finally:
        engine.drain(0)
        torch.set_num_threads(before)
    assert seen == [before + 2]


def test_a_failing_warm_up_is_the_callers_to_hear(tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken on purpose")

    monkeypatch.setattr(ascent, "step", broken)
    with pytest.raises(ValueError, match="on purpose"):
        Engine(tiny, torch.device("cpu"), EngineLimits(8, 4)).start()


def test_drain_lets_work_finish_and_refuses_more(tiny: Catalog) -> None:
    engine = Engine(tiny, torch.device("cpu"), EngineLimits(8, 4))
    engine.start()
    caller = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1)), caller)
    engine.drain(30)
    assert finished(caller.events)
    with pytest.raises(Draining):
        engine.submit(spec_for(("tiny", "fc8", 1)), Caller())


def test_drain_ends_what_does_not_finish_in_time(tiny: Catalog) -> None:
    engine = Engine(tiny, torch.device("cpu"), EngineLimits(8, 4))
    engine.start()
    caller = Caller()
    engine.submit(spec_for(("tiny", "fc8", 1), settings=FOREVER), caller)
    caller.wait_for_start()
    engine.drain(0.1)
    assert isinstance(caller.events[-1], Failed)
    assert caller.events[-1].failure is Failure.DRAINING
