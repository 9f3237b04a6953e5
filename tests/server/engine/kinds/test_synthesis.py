"""Synthesis in the engine: sharing a batch changes nothing, and each row ends for itself."""

import time
from collections.abc import Callable

import numpy as np
import torch
from callers import FOREVER, SETTINGS, Caller, reference, spec_for, values
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Failed, Failure, Finished, Progress
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.engine.kinds.synthesis_result import SynthesisResult
from dgnam_server.synth.spec import Balance, Start

WorkFor = Callable[..., Synthesis]


def test_engine_draws_what_the_reference_loop_draws_with_neighbours_joining_and_leaving(
    engine: DeviceThread, tiny: Catalog, builder: Builder
) -> None:
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
        engine.submit(builder.synthesis(spec), caller)
        time.sleep(0.01)
    for spec, caller in zip(specs, callers, strict=True):
        results = values(caller.wait_for_end(spec.variants))
        assert len(results) == spec.variants
        for variant, result in enumerate(results):
            image, code = reference(tiny, spec, variant)
            np.testing.assert_allclose(result.image, image, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(result.code, code, rtol=1e-4, atol=1e-5)


def test_strict_gives_the_same_bits_beside_other_work(engine: DeviceThread, work_for: WorkFor) -> None:
    def drawn() -> np.ndarray:
        caller = Caller()
        engine.submit(work_for(("tiny", "fc8", 1), strict=True), caller)
        return values(caller.wait_for_end())[0].image

    alone = drawn()
    ticket = engine.submit(work_for(("tiny", "fc8", 2), settings=FOREVER, variants=3), Caller())
    beside = drawn()
    ticket.close()
    np.testing.assert_array_equal(alone, beside)


def test_a_row_that_cannot_be_computed_fails_alone(engine: DeviceThread, tiny: Catalog, builder: Builder) -> None:
    size = tiny.generators["tiny-prior"].code_size
    bad = spec_for(("tiny", "fc8", 1), start=Start(code=np.full(size, np.nan, dtype=np.float32)), settings={**SETTINGS, "steps": 1})
    good = spec_for(("tiny", "fc8", 2), seed=9)
    callers = Caller(), Caller()
    engine.submit(builder.synthesis(bad), callers[0])
    engine.submit(builder.synthesis(good), callers[1])
    failure = callers[0].wait_for_end()[-1]
    assert isinstance(failure, Failed)
    assert failure.failure is Failure.NUMERIC
    np.testing.assert_allclose(values(callers[1].wait_for_end())[0].image, reference(tiny, good)[0], rtol=1e-4, atol=1e-5)


def test_previews_come_when_asked_for(engine: DeviceThread, work_for: WorkFor) -> None:
    caller = Caller()
    engine.submit(work_for(("tiny", "fc8", 1), preview_interval=5), caller)
    events = caller.wait_for_end()
    previews = [event for event in events if isinstance(event, Progress) and event.preview is not None]
    assert [event.step for event in previews] == [5, 10, 15, 20]
    assert previews[0].preview is not None
    assert previews[0].preview.shape == (32, 32, 3)


def test_a_start_image_is_encoded(engine: DeviceThread, tiny: Catalog, work_for: WorkFor) -> None:
    image = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)
    caller = Caller()
    engine.submit(work_for(("tiny", "fc8", 1), start=Start(image=image), settings={**SETTINGS, "steps": 1}), caller)
    network = tiny.networks["tiny"]
    code = network.activations(torch.from_numpy(image).permute(2, 0, 1)[None], ["relu6"])["relu6"][0]
    np.testing.assert_allclose(values(caller.wait_for_end())[0].code, code.numpy(), rtol=1e-5)


def test_rows_that_step_in_turns_become_what_they_become_together(tiny: Catalog, builder: Builder) -> None:
    """Whichever rows each step has, and though rows come and go."""
    specs = [spec_for(("tiny", "fc8", unit), seed=unit, settings={**SETTINGS, "steps": 6}, variants=1 + unit % 2) for unit in range(4)]
    works = [builder.synthesis(spec) for spec in specs]
    lane = works[0].open()
    for job in (0, 1):
        for row in range(works[job].rows):
            lane.join(job, works[job], row)
    found: dict[tuple[int, int], SynthesisResult] = {}
    turns = [Due({0}, 1), Due({0, 1}, 2), Due({1}, 1), Due({0, 1, 2, 3}, 3), Due({2, 3}, 3)]
    for turn in range(100):
        if turn == 2:
            for job in (2, 3):
                for row in range(works[job].rows):
                    lane.join(job, works[job], row)
        before = {(slot.job, slot.row): slot.step for slot in lane._groups.slots}
        events = lane.step(True, turns[turn % len(turns)])
        stepped = [slot for slot in lane._groups.slots if slot.step > before[slot.job, slot.row]]
        assert len(stepped) + sum(isinstance(event, Finished) for _, event in events) <= turns[turn % len(turns)].rows
        found |= {(job, event.row): event.value for job, event in events if isinstance(event, Finished)}
    assert len(lane) == 0 and lane.rows is None
    for (job, row), result in found.items():
        image, code = reference(tiny, specs[job], row)
        np.testing.assert_allclose(result.image, image, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(result.code, code, rtol=1e-4, atol=1e-5)
    assert len(found) == sum(spec.variants for spec in specs)


def test_rows_that_have_waited_longest_step_first(builder: Builder) -> None:
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), settings=FOREVER, variants=5))
    lane = work.open()
    for row in range(5):
        lane.join(0, work, row)
    for _ in range(5):
        lane.step(False, Due({0}, 2))
    assert [slot.step for slot in sorted(lane._groups.slots, key=lambda slot: slot.row)] == [2] * 5
