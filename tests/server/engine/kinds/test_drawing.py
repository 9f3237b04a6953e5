"""Codes drawn beside whatever else runs."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from callers import FOREVER, Caller, Late, Pause, reference, spec_for, values
from dgnam_models import Generator
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failure, Finished, Queued, Started
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.kinds.synthesis import Synthesis

WorkFor = Callable[..., Synthesis]
MANY = 20_000  # codes: seconds of work, more than any of these tests waits for


def codes(count: int, seed: int = 0) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).standard_normal((count, 24), dtype=np.float32))


@pytest.fixture
def generator(builder: Builder) -> Generator:
    return builder.catalog.generators["tiny-prior"]


@pytest.fixture
def batches(generator: Generator) -> Iterator[list[int]]:
    """The size of every batch that the generator draws."""
    sizes: list[int] = []
    handle = generator.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    yield sizes
    handle.remove()


def drawn(generator: Generator, code: np.ndarray) -> np.ndarray:
    """(N, H, W, 3), by the generator itself."""
    with torch.no_grad():
        return generator(torch.from_numpy(code)).permute(0, 2, 3, 1).numpy()


def test_pictures_are_the_generators_own_in_the_codes_order(engine: DeviceThread, builder: Builder, generator: Generator) -> None:
    caller, code = Caller(), codes(10)
    engine.submit(builder.drawing("tiny-prior", code), caller)
    pictures = np.stack(values(caller.wait_for_end(10)))
    assert pictures.shape == (10, 32, 32, 3) and pictures.dtype == np.float32
    np.testing.assert_allclose(pictures, drawn(generator, code), rtol=1e-6, atol=1e-6)
    assert [type(event) for event in caller.events] == [Queued, Started] + [Finished] * 10


def test_rows_of_different_requests_share_a_batch_and_a_large_one_is_split(
    engine: DeviceThread, builder: Builder, batches: list[int]
) -> None:
    callers = [Caller() for _ in range(3)]
    activations = builder.activations([np.zeros((32, 32, 3), np.float32)], [Place("tiny", "fc8")])
    with Pause(engine, activations):
        for count, caller in zip((2, 1, 6), callers, strict=True):
            engine.submit(builder.drawing("tiny-prior", codes(count)), caller)
    for count, caller in zip((2, 1, 6), callers, strict=True):
        assert len(values(caller.wait_for_end(count))) == count
    assert batches == [4, 4, 1], "four rows share a batch at most"


def test_beside_a_running_synthesis_neither_changes(engine: DeviceThread, builder: Builder, generator: Generator) -> None:
    spec, code = spec_for(("tiny", "fc8", 1), seed=3, variants=2), codes(9)
    synthesis, drawing = Caller(), Caller()
    engine.submit(builder.synthesis(spec), synthesis)
    engine.submit(builder.drawing("tiny-prior", code), drawing)
    np.testing.assert_allclose(np.stack(values(drawing.wait_for_end(9))), drawn(generator, code), rtol=1e-6, atol=1e-6)
    for variant, result in enumerate(values(synthesis.wait_for_end(2))):
        np.testing.assert_allclose(result.image, reference(builder.catalog, spec, variant)[0], rtol=1e-4, atol=1e-5)


def test_it_does_not_wait_for_a_long_synthesis(engine: DeviceThread, builder: Builder, work_for: WorkFor) -> None:
    long = Caller()
    ticket = engine.submit(work_for(("tiny", "fc8", 1), settings=FOREVER, variants=6), long)
    long.wait_for_start()
    caller = Caller()
    engine.submit(builder.drawing("tiny-prior", codes(2)), caller)
    assert len(values(caller.wait_for_end(2))) == 2
    assert engine.load().running_jobs == 1 and not values(long.events)
    ticket.close()


def test_a_large_request_holds_nobody_up(engine: DeviceThread, builder: Builder) -> None:
    large, small = Caller(), Caller()
    activations = builder.activations([np.zeros((32, 32, 3), np.float32)], [Place("tiny", "fc8")])
    with Pause(engine, activations):
        ticket = engine.submit(builder.drawing("tiny-prior", codes(MANY)), large)
        same_prior = Caller()
        engine.submit(builder.drawing("tiny-prior", codes(1)), same_prior)
        engine.submit(activations, small)
    small.wait_for_end()
    same_prior.wait_for_end()
    assert len(values(large.events)) < MANY / 2
    ticket.close()


def test_cancelled_between_two_batches(engine: DeviceThread, builder: Builder, work_for: WorkFor) -> None:
    caller = Caller()

    def cancelling(event: Event) -> None:
        caller(event)
        if isinstance(event, Finished):
            ticket.close()

    with Pause(engine, work_for(("tiny", "fc8", 1))):
        ticket = engine.submit(builder.drawing("tiny-prior", codes(100)), cancelling)
    failure = caller.wait_for_failure()
    assert (failure.failure, failure.phase) == (Failure.CANCELLED, "running")
    assert len(values(caller.events)) == 4, "the batch in which it was cancelled, and no other"


@pytest.mark.parametrize("phase", ["queued", "running"])
def test_a_deadline_ends_it_waiting_or_running(engine: DeviceThread, builder: Builder, phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Late(monkeypatch)
    engine.submit(builder.drawing("tiny-prior", codes(MANY)), caller, caller.deadline if phase == "running" else time.monotonic())
    failure = caller.wait_for_failure()
    assert (failure.failure, failure.phase) == (Failure.DEADLINE, phase)


def test_a_code_that_cannot_be_drawn_fails_its_request_alone(
    engine: DeviceThread, builder: Builder, generator: Generator, batches: list[int]
) -> None:
    bad, good = codes(2), codes(2, seed=1)
    bad[1, 3] = np.nan
    callers = Caller(), Caller()
    activations = builder.activations([np.zeros((32, 32, 3), np.float32)], [Place("tiny", "fc8")])
    with Pause(engine, activations):
        engine.submit(builder.drawing("tiny-prior", bad), callers[0])
        engine.submit(builder.drawing("tiny-prior", good), callers[1])
    failure = callers[0].wait_for_failure()
    assert failure.failure is Failure.NUMERIC and "code 1 holds" in failure.message
    pictures = np.stack(values(callers[1].wait_for_end(2)))
    assert batches == [4]
    np.testing.assert_allclose(pictures, drawn(generator, good), rtol=1e-6, atol=1e-6)


def test_a_request_of_another_shape_is_no_work(builder: Builder) -> None:
    for wrong in (codes(0), codes(2)[:, :5], codes(1)[0]):
        with pytest.raises(AssertionError):
            builder.drawing("tiny-prior", wrong)
