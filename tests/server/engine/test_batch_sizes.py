"""How many rows share a batch: measured in quiet moments, by kind of work."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from dgnam_server.engine import batch_sizes
from dgnam_server.engine.batch_cache import BatchCache
from dgnam_server.engine.batch_sizes import QUIET_S, USUAL, BatchSizes, Profile, profiling
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical


def profile(step: Callable[[int], float], largest: int, rounds: int = 5) -> Profile:
    """All of it at once."""
    timings = profiling(step, largest, rounds=rounds)
    while True:
        try:
            next(timings)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def test_the_smallest_size_that_is_nearly_the_fastest() -> None:
    assert profile(lambda size: max(size, 8) / 1e3, largest=64) == Profile(8, steady=True)
    assert profile(lambda size: 1e-3, largest=64).rows == 64
    assert profile(lambda size: 1e-3, largest=48).rows == 32
    assert profile(lambda size: size / 1e3, largest=64).rows == 4, "progress of four is worth more than the little that is noise"
    assert [profile(lambda size: size / 1e3, largest=largest).rows for largest in (1, 2, 3)] == [1, 2, 3]


def test_a_doubling_that_gains_nothing_does_not_end_the_search() -> None:
    milliseconds = {4: 11.7, 8: 11.8, 16: 7.6, 32: 7.1, 64: 7.3}
    assert profile(lambda size: size * milliseconds[size] / 1e4, largest=64).rows == 32


def test_larger_sizes_than_one_that_takes_long_are_not_tried() -> None:
    """Somebody may come meanwhile, and has to wait for it."""
    timed: list[int] = []
    assert profile(lambda size: timed.append(size) or size / 20, largest=64, rounds=2).rows == 4  # type: ignore[func-returns-value]
    assert timed == [4, 8, 16] * 2


def test_one_slow_moment_does_not_decide() -> None:
    for slow in range(25):
        timed: list[int] = []

        def step(size: int, timed: list[int] = timed, slow: int = slow) -> float:
            timed.append(size)
            return 0.1 if len(timed) == slow + 1 else 0.01

        assert profile(step, largest=64) == Profile(64, steady=True), f"slow at timing {slow}"


def test_a_machine_that_is_busy_all_along_is_not_steady() -> None:
    """Half of the rounds say 64, half say 8."""
    timed: list[int] = []

    def step(size: int) -> float:
        timed.append(size)
        return 0.01 if (len(timed) - 1) // 5 % 2 else max(size, 8) / 1e3

    assert not profile(step, largest=64, rounds=4).steady


@dataclass(frozen=True)
class Kind:
    """As much of a work as is looked at."""

    key: str
    row_bytes: int = 1
    strict: bool = False
    sized: bool = False


@dataclass
class Machine:
    """A clock, and what was timed; a step of more than `pays` rows takes longer the more rows there are."""

    pays: int = 8
    now: float = 0.0
    timed: list[tuple[str, int]] = field(default_factory=list)

    def step(self, work: Kind, rows: int) -> float:
        self.timed.append((work.key, rows))
        return max(rows, self.pays) / 1e3

    def quiet(self, sizes: BatchSizes) -> None:
        """Nothing happens until all is measured."""
        for _ in range(200):
            self.now += sizes.wait_s() or 0.0
            sizes.go_on()
        assert sizes.wait_s() is None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(batch_sizes, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def sizes_of(machine: Machine, folder: Path | None = None, **limits: int) -> BatchSizes:
    cache = None if folder is None else BatchCache(folder, {"torch": "3"})
    return BatchSizes(EngineLimits(**limits), machine.step, cache)  # type: ignore[arg-type]


def test_each_kind_is_measured_once_it_is_quiet_and_then_kept(machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sizes = sizes_of(machine, tmp_path)
    sizes.note(Kind("a"))  # type: ignore[arg-type]
    assert (sizes.rows("a"), sizes.wait_s()) == (USUAL, QUIET_S)
    machine.now += QUIET_S - 0.1
    assert not sizes.go_on(), "not yet quiet for long"
    sizes.busy()
    machine.now += QUIET_S - 0.1
    assert not sizes.go_on()
    machine.now += 0.2
    assert sizes.go_on() and machine.timed == [("a", 4)], "one step, and then whoever came is served"
    sizes.busy()
    assert not sizes.go_on()
    machine.quiet(sizes)
    assert machine.timed == [("a", rows) for rows in (4, 8, 16, 32, 64)] * 5, "it went on where it was"
    assert sizes.rows("a") == 8 and "up to 8 rows share a batch, as measured now (rows per second" in caplog.messages[-1]
    machine.pays = 16
    sizes.note(Kind("b"))  # type: ignore[arg-type]
    sizes.note(Kind("a"))  # type: ignore[arg-type]
    machine.quiet(sizes)
    assert (sizes.rows("a"), sizes.rows("b")) == (8, 16)
    later, timed = sizes_of(machine, tmp_path), len(machine.timed)
    for key in "ab":
        later.note(Kind(key))  # type: ignore[arg-type]
    assert (later.rows("a"), later.rows("b"), later.wait_s(), len(machine.timed)) == (8, 16, None, timed)
    assert "as measured before, see " in caplog.messages[-1]


def test_what_noise_would_decide_is_not_kept(machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    noisy = iter(range(10**6))
    sizes = BatchSizes(
        EngineLimits(), lambda work, rows: 0.01 if next(noisy) % 25 // 5 % 2 else max(rows, 8) / 1e3, BatchCache(tmp_path, {})
    )
    sizes.note(Kind("a"))  # type: ignore[arg-type]
    machine.quiet(sizes)
    assert sizes.rows("a") == USUAL and not list(tmp_path.iterdir())
    assert "too busy to measure" in caplog.messages[-1]


def test_a_size_that_was_set_is_not_measured(machine: Machine) -> None:
    sizes = sizes_of(machine, batch_rows=6)
    sizes.note(Kind("a"))  # type: ignore[arg-type]
    assert (sizes.rows("a"), sizes.wait_s()) == (6, None)
    assert sizes_of(machine, max_batch_rows=2).rows("a") == 2


def test_no_more_rows_are_tried_than_fit_into_memory(machine: Machine) -> None:
    sizes = sizes_of(machine, max_memory_mib=1600)  # of which rows have 1000
    sizes.note(Kind("a", row_bytes=50 * 2**20))  # type: ignore[arg-type]
    machine.quiet(sizes)
    assert {rows for _, rows in machine.timed} == {4, 8}


def test_work_that_fails_when_it_is_timed_is_left(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def fails(work: object, rows: int) -> float:
        raise RuntimeError("no memory")

    sizes = BatchSizes(EngineLimits(), fails, None)
    sizes.note(Kind("a"))  # type: ignore[arg-type]
    machine.quiet(sizes)
    assert sizes.rows("a") == USUAL and "could not be measured: no memory" in caplog.messages[-1]


def test_an_idle_engine_measures(builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the start, without being asked; and it ends when it is told to."""
    monkeypatch.setattr(batch_sizes, "QUIET_S", 0.01)
    kept, cache = None, BatchCache(tmp_path, {})
    engine = DeviceThread(typical(builder), EngineLimits(max_batch_rows=4), 1, cache)
    engine.start()
    assert engine.batch_rows == 4
    deadline = time.monotonic() + 60
    while kept is None and time.monotonic() < deadline:
        kept = cache.read(repr(typical(builder).key))
        time.sleep(0.01)
    engine.drain(0)
    assert kept == 4
