"""The batch size that pays, found with what most requests ask for."""

from dataclasses import replace
from pathlib import Path

import pytest
from dgnam_server.engine import warmup
from dgnam_server.engine.batch_cache import BatchCache
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import Profile, batch_rows, profile, timed_step, typical
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
    assert profile(lambda size: max(size, 8) / 8, largest=64) == Profile(8, steady=True)
    assert profile(lambda size: 1.0, largest=64).rows == 64
    assert profile(lambda size: 1.0, largest=48).rows == 32
    assert profile(float, largest=64).rows == 1


def test_a_doubling_that_gains_nothing_does_not_end_the_search() -> None:
    """As on two cores with AVX2: two rows are hardly faster than one, four much faster."""
    milliseconds = {1: 16.8, 2: 17.1, 4: 11.7, 8: 8.8, 16: 7.6, 32: 7.1, 64: 7.3}
    assert profile(lambda size: size * milliseconds[size], largest=64).rows == 32


def test_one_slow_moment_does_not_decide() -> None:
    assert profile(lambda size: 10.0 if size == 4 else 1.0, largest=64).rows == 64
    for slow in range(35):
        timed: list[int] = []

        def step(size: int, timed: list[int] = timed, slow: int = slow) -> float:
            timed.append(size)
            return 10.0 if len(timed) == slow + 1 else 1.0

        assert profile(step, largest=64) == Profile(64, steady=True), f"slow at timing {slow}"


def test_a_machine_that_is_busy_all_along_is_not_steady() -> None:
    """Half of the rounds say 64, half say 8."""
    timed: list[int] = []

    def step(size: int) -> float:
        timed.append(size)
        return 1.0 if (len(timed) - 1) // 7 % 2 else max(size, 8) / 8

    assert not profile(step, largest=64, rounds=4).steady


def test_the_batch_size_is_measured_once_and_then_kept(builder: Builder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    cache = BatchCache(tmp_path / "new", {"torch": "3", "threads": 1})
    timed: list[int] = []

    def step(work: Synthesis, rows: int) -> float:
        timed.append(rows)
        return max(rows, 2) / 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warmup, "timed_step", step)
        assert batch_rows(typical(builder), EngineLimits(max_batch_rows=8), cache) == 2
        assert "measured now (rows per second, the best being 1: 1 rows " in caplog.messages[-1]
        timed.clear()
        patch.setattr(warmup, "profile", lambda *_: pytest.fail("measured again"))
        assert batch_rows(typical(builder), EngineLimits(max_batch_rows=8), cache) == 2
        assert timed == [2], "it runs once, so that the first request finds a warm device"
        assert str(cache.file) in caplog.messages[-1]
        assert batch_rows(typical(builder), EngineLimits(max_batch_rows=8, batch_rows=4), cache) == 4
        assert "as set" in caplog.messages[-1]


def test_what_was_measured_on_a_busy_machine_is_not_kept(builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = BatchCache(tmp_path, {})
    monkeypatch.setattr(warmup, "timed_step", lambda work, rows: 1.0)
    monkeypatch.setattr(warmup, "profile", lambda *_: Profile(8, steady=False))
    assert batch_rows(typical(builder), EngineLimits(), cache) == 8
    assert cache.read() is None
