"""Rows that start from the best of many draws: what is chosen, who waits, and that nobody else does."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import torch
from callers import FOREVER, SETTINGS, Caller, Late, spec_for, values
from dgnam_models.code_prior import CHUNK
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.draw_cache import DrawCache
from dgnam_server.engine.due import Due
from dgnam_server.engine.events import Failed, Failure, Finished, Progress
from dgnam_server.engine.kinds.draw_ranking import DrawRanking
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.synth import draws, memory
from dgnam_server.synth.draws import Place
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.transforms import centre_crop
from torch import Tensor

WorkFor = Callable[..., Synthesis]
ONE_STEP = {**SETTINGS, "steps": 1}
MANY = 20 * CHUNK


def drawing(count: int, settings: Mapping[str, float] = ONE_STEP) -> Mapping[str, float]:
    return {**settings, "start_draws": count}


def brute_force(tiny: Catalog, count: int) -> Tensor:
    """The codes of `count` draws, the one that unit 1 likes best first: all drawn, all looked at."""
    prior = GeneratorPrior(tiny.generators["tiny-prior"])
    codes = prior.code_prior.draw(count)
    network = tiny.networks["tiny"]
    liked = torch.stack([network.logits(centre_crop(prior.draw(code[None]), network.input_size))[0, 1] for code in codes])
    return codes[liked.argsort(descending=True)]


def test_variants_and_seeds_start_from_the_best_draws(engine: DeviceThread, tiny: Catalog, work_for: WorkFor) -> None:
    best = brute_force(tiny, 2 * CHUNK + 5)
    caller, later = Caller(), Caller()
    engine.submit(work_for(("tiny", "fc8", 1), settings=drawing(len(best)), variants=6), caller)  # more than share a batch
    engine.submit(work_for(("tiny", "fc8", 1), settings=drawing(len(best)), seed=2), later)
    for rank, result in enumerate(values(caller.wait_for_end(6))):
        np.testing.assert_allclose(result.code, best[rank], rtol=1e-5, atol=1e-6)
        assert (result.start.rank, result.start.draws) == (rank + 1, len(best))
        assert result.start.activation == pytest.approx(result.activation, rel=1e-5), "the one step's picture is the start's"
        assert result.start.percentile == pytest.approx(100 * (1 - (rank + 0.5) / len(best)), abs=51 / len(best))
    np.testing.assert_allclose(values(later.wait_for_end())[0].code, best[2], rtol=1e-5, atol=1e-6)


def towards(count: int, redraws: int) -> Mapping[str, float]:
    return {**drawing(count), "start_redraws": redraws}


def test_draws_towards_the_target_are_ranked_with_the_first(engine: DeviceThread, tiny: Catalog, work_for: WorkFor) -> None:
    first, again = 4 * CHUNK + 1, CHUNK + 3
    plain, more = Caller(), Caller()
    engine.submit(work_for(("tiny", "fc8", 1), settings=drawing(first)), plain)
    engine.submit(work_for(("tiny", "fc8", 1), settings=towards(first, again), variants=3), more)
    (best,), found = values(plain.wait_for_end()), values(more.wait_for_end(3))
    assert [result.start.draws for result in found] == [first + again] * 3
    assert [result.start.rank for result in found] == [1, 2, 3]
    assert found[0].start.activation > best.start.activation, "it likes those better that were drawn towards it"
    prior = GeneratorPrior(tiny.generators["tiny-prior"]).code_prior
    drawn = {tuple(code) for code in prior.draw(first).round(decimals=4).tolist()}
    assert tuple(torch.from_numpy(found[0].code).round(decimals=4).tolist()) not in drawn


def test_only_units_with_the_same_redraws_share_what_is_known_of_them(engine: DeviceThread, work_for: WorkFor, looks: list[int]) -> None:
    for unit, redraws, new in ((1, CHUNK, 3), (1, CHUNK, 0), (2, CHUNK, 1), (1, 2 * CHUNK, 1), (1, 0, 0)):
        before = len(looks)
        caller = Caller()
        work = work_for(("tiny", "fc8", unit), settings=towards(2 * CHUNK, redraws))
        engine.submit(work, caller)
        assert values(caller.wait_for_end())
        assert looks[before:] == [CHUNK] * new
        assert work.steps == 2 + redraws // CHUNK + 1


def test_a_row_that_started_from_a_draw_is_as_one_that_was_given_its_code(engine: DeviceThread, tiny: Catalog, work_for: WorkFor) -> None:
    from dgnam_server.synth.spec import Start

    given = Start(code=brute_force(tiny, CHUNK)[0].numpy())
    callers = Caller(), Caller()
    engine.submit(work_for(("tiny", "fc8", 1), settings=drawing(CHUNK, SETTINGS), seed=0), callers[0])
    engine.submit(work_for(("tiny", "fc8", 1), start=given), callers[1])
    drawn, plain = (values(caller.wait_for_end())[0] for caller in callers)
    np.testing.assert_allclose(drawn.image, plain.image, rtol=1e-4, atol=1e-5)
    assert drawn.start.percentile == 100, "the ascent is above all draws"
    assert plain.start is None


@pytest.fixture
def builder(tiny: Catalog) -> Builder:
    """Of its own, so that nothing is known of any draw."""
    return Builder(tiny, torch.device("cpu"))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many codes the networks looked at, each time."""
    seen: list[int] = []
    look = draws.look

    def counted(problem: Problem, codes: Tensor, places: Sequence[Place]) -> dict[Place, Tensor]:
        seen.append(len(codes))
        return look(problem, codes, places)

    monkeypatch.setattr(draws, "look", counted)
    return seen


def test_units_of_a_tap_and_more_draws_share_what_is_known(engine: DeviceThread, work_for: WorkFor, looks: list[int]) -> None:
    for unit, count, new in ((1, 2 * CHUNK, 2), (2, 2 * CHUNK, 0), (3, 3 * CHUNK, 1), (4, CHUNK // 2, 0)):
        before = len(looks)
        caller = Caller()
        engine.submit(work_for(("tiny", "fc8", unit), settings=drawing(count)), caller)
        assert values(caller.wait_for_end())
        assert looks[before:] == [CHUNK] * new


def test_networks_look_at_as_many_draws_as_fit_into_the_memory_for_it(tiny: Catalog, looks: list[int]) -> None:
    plain = Builder(tiny, torch.device("cpu")).synthesis(spec_for(("tiny", "fc8", 1), settings=drawing(2 * CHUNK)))
    generator = tiny.generators["tiny-prior"]
    one = memory.look_bytes([tiny.networks["tiny"]], generator.image_size, memory.drawn_values(generator))
    work = Builder(tiny, torch.device("cpu"), draw_bytes=2 * 10 * one).synthesis(plain.spec)  # half of it is for what is known
    codes = []
    for each in (plain, work):
        lane = each.open()
        lane.join(0, each, 0)
        while not (ended := [event for _, event in lane.step(tell=False) if isinstance(event, Finished)]):
            assert len(lane)
        codes.append(ended[0].value.code)
    assert looks == [CHUNK] * 2 + [10, 10, 10, 2] * 2
    np.testing.assert_allclose(codes[0], codes[1], rtol=1e-6, atol=1e-7)
    assert work.held_bytes >= 2 * CHUNK * 4 * 2, "and what a ranking holds counts as the request's"


def test_each_iteration_has_the_networks_look_once(builder: Builder, looks: list[int]) -> None:
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), settings=drawing(3 * CHUNK)))
    other = builder.synthesis(spec_for(("tiny", "fc8", 2), settings=drawing(2 * CHUNK)))
    lane = work.open()
    lane.join(0, work, 0)
    lane.join(1, other, 0)
    assert len(lane) == 2
    told = lane.step(tell=True)
    assert looks == [CHUNK]
    assert [(job, type(event), event.step, event.total_steps) for job, event in told if isinstance(event, Progress)] == [
        (0, Progress, 0, 1),
        (1, Progress, 0, 1),
    ], "so that no stream is silent"
    assert len(lane.step(tell=False)) == 1, "the second job has its draws, and a step"
    assert len(lane) == 1
    assert len(lane.step(tell=False)) == 1
    assert len(looks) == 3 and len(lane) == 0


def test_a_step_has_the_networks_look_for_those_alone_who_take_part(builder: Builder, looks: list[int]) -> None:
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), settings=drawing(3 * CHUNK)))
    lane = work.open()
    for job in (0, 1):
        lane.join(job, work, 0)
    assert [job for job, _ in lane.step(True, Due({1}, 1))] == [1]
    assert looks == [CHUNK]
    assert [job for job, _ in lane.step(True, Due({0}, 1))] == [0]
    assert [lane._rankings[job].judged for job in (0, 1)] == [2, 1]


def test_rows_of_the_lane_and_other_lanes_go_on_meanwhile(engine: DeviceThread, work_for: WorkFor, monkeypatch: pytest.MonkeyPatch) -> None:
    look = draws.look

    def slow(problem: Problem, codes: Tensor, places: Sequence[Place]) -> dict[Place, Tensor]:
        time.sleep(0.02)
        return look(problem, codes, places)

    monkeypatch.setattr(draws, "look", slow)
    waits, same, other = Caller(), Caller(), Caller()
    ticket = engine.submit(work_for(("tiny", "fc8", 1), settings=drawing(625 * CHUNK)), waits)  # 12 s
    waits.wait_for(lambda events: any(isinstance(event, Progress) for event in events))
    engine.submit(work_for(("tiny", "fc8", 2)), same)
    engine.submit(work_for(("tiny-res", "fc", 2)), other)
    assert values(same.wait_for_end()) and values(other.wait_for_end())
    ticket.close()
    assert waits.wait_for_failure().failure is Failure.CANCELLED
    assert all(event.step == 0 for event in waits.events if isinstance(event, Progress)), "its draws were not ranked"


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_a_row_that_waits_for_its_draws_can_be_ended(
    engine: DeviceThread, work_for: WorkFor, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = draws.look
    monkeypatch.setattr(draws, "look", lambda *arguments: (time.sleep(0.02), look(*arguments))[1])
    caller = Late(monkeypatch) if how == "deadline" else Caller()
    deadline = caller.deadline if isinstance(caller, Late) else None
    ticket = engine.submit(work_for(("tiny", "fc8", 1), settings=drawing(20_000, FOREVER), variants=6), caller, deadline)
    caller.wait_for_start()
    if how == "cancel":
        ticket.close()
    failure = caller.wait_for_failure()
    assert isinstance(failure, Failed)
    assert (failure.failure.value.startswith(how), failure.phase, failure.steps_done) == (True, "running", 0)


def test_what_the_networks_gave_is_dropped_when_there_is_no_room(tiny: Catalog, builder: Builder, looks: list[int]) -> None:
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), settings=drawing(3 * CHUNK)))
    problem, cache = work.problem(), DrawCache(CHUNK * 7 * 4 * 2)  # two chunks of seven float32
    for new in (3, 3):
        ranking = DrawRanking(problem, work.spec, cache)
        for _ in range(3):
            ranking.advance(look=True)
        assert ranking.ranking is not None
        assert len(looks) == new
        looks.clear()
        best = brute_force(tiny, 3 * CHUNK)[0]
        np.testing.assert_allclose(ranking.ranking.code(0)[0], best, rtol=1e-5, atol=1e-6)
    assert cache.held_bytes <= CHUNK * 7 * 4 * 2


def test_out_of_memory_looks_at_fewer(builder: Builder, tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    look = draws.look

    def small_device(problem: Problem, codes: Tensor, places: Sequence[Place]) -> dict[Place, Tensor]:
        if len(codes) > CHUNK // 4:
            raise torch.OutOfMemoryError("pretend")
        return look(problem, codes, places)

    monkeypatch.setattr(draws, "look", small_device)
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), settings=drawing(CHUNK)))
    ranking = DrawRanking(work.problem(), work.spec, DrawCache())
    ranking.advance(look=True)
    assert ranking.ranking is not None
    np.testing.assert_allclose(ranking.ranking.code(0)[0], brute_force(tiny, CHUNK)[0], rtol=1e-5, atol=1e-6)
