"""The batch size that pays, found with what most requests ask for."""

from dataclasses import replace

import pytest
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.warmup import profile, timed_step, typical
from dgnam_server.synth.methods import DEFAULT_METHOD, METHODS


def test_the_typical_work_has_the_default_methods_own_options(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more of them does not break the start."""
    method = METHODS[DEFAULT_METHOD]
    more = replace(method, parts=(*method.parts, "total-variation"), defaults={**method.defaults, "tv_weight": 0.5})
    monkeypatch.setitem(METHODS, DEFAULT_METHOD, more)
    work = typical(builder)
    assert work.spec.settings["tv_weight"] == 0.5
    assert "total-variation" in work.key.structure.parts
    assert work.spec.settings["start_learning_rate"] == pytest.approx(
        builder.catalog.generators["tiny-prior"].card.code.start_learning_rate
    )
    assert timed_step(work, 2) > 0


def test_a_priors_draws_are_not_what_is_timed(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    prior = builder.catalog.generators["tiny-prior"]
    monkeypatch.setattr(prior, "card", replace(prior.card, options={"dgn-am": {"start_draws": 4000, "steps": 30}}))
    assert (typical(builder).spec.start_draws, typical(builder).steps) == (0, 30)


def test_profile_takes_the_smallest_size_that_is_nearly_the_fastest() -> None:
    assert profile(lambda size: max(size, 8) / 8, largest=64) == 8
    assert profile(lambda size: 1.0, largest=64) == 64
    assert profile(lambda size: 1.0, largest=48) == 32
    assert profile(float, largest=64) == 1


def test_a_doubling_that_gains_nothing_does_not_end_the_search() -> None:
    """As on two cores with AVX2: two rows are hardly faster than one, four much faster."""
    milliseconds = {1: 16.8, 2: 17.1, 4: 11.7, 8: 8.8, 16: 7.6, 32: 7.1, 64: 7.3}
    assert profile(lambda size: size * milliseconds[size], largest=64) == 32


def test_one_slow_moment_does_not_decide() -> None:
    assert profile(lambda size: 10.0 if size == 4 else 1.0, largest=64) == 64
    for slow in range(14):
        timed: list[int] = []

        def step(size: int, timed: list[int] = timed, slow: int = slow) -> float:
            timed.append(size)
            return 10.0 if len(timed) == slow + 1 else 1.0

        assert profile(step, largest=64) == 64, f"slow at timing {slow}"
