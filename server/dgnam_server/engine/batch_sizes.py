"""How many rows should share a batch, by kind of work: measured in quiet moments, and kept for this machine.

Rules: only the device thread touches it. A kind is measured once, when nothing has been asked for `QUIET_S`: one timed step after another,
so that whoever asks meanwhile waits for one of them at most. What noise would decide is not kept. Until then `USUAL` rows share a batch.
"""

import logging
import time
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from dgnam_server.engine.batch_cache import BatchCache
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.work import Work

log = logging.getLogger(__name__)

USUAL, LEAST = 32, 4  # rows: not yet measured, and at least, since two are hardly faster than one and four are
QUIET_S = 5.0
MOST_TIMED_S = 0.5  # of a timed step
_MOST_WAITING = 16  # kinds; each keeps a request
_MOST_KNOWN = 1024  # kinds
_TRIES = 2  # of a kind, where noise would decide


@dataclass(frozen=True)
class Profile:
    """How many rows should share a batch.

    Attributes:
        steady: whether every round but one would have said the same, whichever that one is.
        rates: by size, rows per second as a part of the best size's.
    """

    rows: int
    steady: bool
    rates: Mapping[int, float] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return "rows per second, the best being 1: " + ", ".join(f"{rows} rows {rate:.2f}" for rows, rate in self.rates.items())


def profiling(step: Callable[[int], float], largest: int, worth: float = 0.95, rounds: int = 5) -> Generator[None, None, Profile]:
    """How many rows should share a batch: the smallest power of two that reaches `worth` of the best rows per second.

    So no smaller size is faster, and a larger one hardly. All sizes are timed in turn, `rounds` times; after each step there is a pause.
    A size's rate counts as a part of the best of its own round, so that a slow machine slows all of them, and the median over the rounds
    counts: no slow moment decides. A size whose first step takes longer than MOST_TIMED_S is the largest.

    Args:
        step: runs one step of so many rows and returns its seconds.
        largest: never more than this, and fewer than LEAST only where this is.
    """
    sizes = [1 << power for power in range(largest.bit_length()) if 1 << power >= min(LEAST, largest)] or [largest]
    rates: list[list[float]] = []
    for _ in range(rounds):
        rates.append([])
        for size in sizes:
            took_s = step(size)
            rates[-1].append(size / took_s)
            yield
            if took_s > MOST_TIMED_S and len(rates) == 1:
                break
        sizes = sizes[: len(rates[0])]
    relative = [[rate / max(of_round) for rate in of_round] for of_round in rates]
    medians = _medians(sizes, relative)
    rows = _smallest(medians, worth)
    others = {_smallest(_medians(sizes, relative[:i] + relative[i + 1 :]), worth) for i in range(rounds)}
    best = max(medians.values())
    return Profile(rows, others == {rows}, {size: rate / best for size, rate in medians.items()})


def _medians(sizes: Sequence[int], relative: Sequence[Sequence[float]]) -> dict[int, float]:
    return {size: median(of_size) for size, of_size in zip(sizes, zip(*relative, strict=True), strict=True)}


def _smallest(medians: Mapping[int, float], worth: float) -> int:
    return next(size for size, rate in medians.items() if rate >= worth * max(medians.values()))


class BatchSizes:
    """The sizes that are known, and what is still to be measured.

    Args:
        step: seconds of one step of so many like rows of a work.
        cache: where sizes are kept from start to start; None: nowhere.
    """

    def __init__(self, limits: EngineLimits, step: Callable[[Work, int], float], cache: BatchCache | None) -> None:
        self._limits, self._step, self._cache = limits, step, cache
        self._known: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, Work] = {}
        self._measuring: Generator[None, None, Profile] | None = None  # of the first that waits
        self._tries = 0
        self._quiet_since = time.monotonic()

    def rows(self, key: Hashable) -> int:
        """The most rows that share a batch of the key."""
        return min(self._limits.batch_rows or self._known.get(key, USUAL), self._limits.max_batch_rows)

    def note(self, work: Work) -> None:
        """There is work of this kind, each step of which costs the same; it is to be measured, unless it is known."""
        key = work.key
        if self._limits.batch_rows is not None or work.strict or key in self._known or key in self._waiting:
            return
        kept = self._cache.read(repr(key)) if self._cache else None
        if kept is not None:
            self._know(key, kept, f"as measured before, see {self._cache.file if self._cache else None}")
        elif len(self._waiting) < _MOST_WAITING:
            self._waiting[key] = work
            log.info("up to %d rows share a batch, until it is measured in a quiet moment: %s", self.rows(key), key)

    def busy(self) -> None:
        """Something came in, or runs."""
        self._quiet_since = time.monotonic()

    def wait_s(self) -> float | None:
        """Seconds until `go_on` has something to do, if all stays quiet; None: nothing is to be measured."""
        return max(0.0, self._quiet_since + QUIET_S - time.monotonic()) if self._waiting else None

    def go_on(self) -> bool:
        """Time one step, if something is to be measured and it has been quiet for long enough; whether it was."""
        if self.wait_s() != 0:
            return False
        key, work = next(iter(self._waiting.items()))
        try:
            self._measuring = self._measuring or profiling(lambda rows: self._step(work, rows), self._largest(work))
            next(self._measuring)
        except StopIteration as done:
            self._measuring = None
            self._measured(key, done.value)
        except Exception as error:  # whatever it is, who asks for such work will hear of it
            self._forget(key)
            self._know(key, USUAL, f"as usual, since it could not be measured: {error}")
        return True

    def _largest(self, work: Work) -> int:
        """Never more rows than fit into half of the memory: results that nobody has read may have the rest."""
        most_bytes = min(self._limits.row_bytes // 2, self._limits.max_batch_mib * 2**20 if work.sized else self._limits.row_bytes)
        return max(1, min(self._limits.max_batch_rows, most_bytes // max(1, work.row_bytes)))

    def _measured(self, key: Hashable, found: Profile) -> None:
        self._tries += 1
        if not found.steady and self._tries < _TRIES:
            return
        self._forget(key)
        if not found.steady:
            self._know(key, USUAL, f"as usual, since the machine is too busy to measure ({found})")
            return
        self._know(key, found.rows, f"as measured now ({found})")
        if self._cache:
            self._cache.write(repr(key), found.rows)

    def _forget(self, key: Hashable) -> None:
        del self._waiting[key]
        self._measuring, self._tries = None, 0

    def _know(self, key: Hashable, rows: int, why: str) -> None:
        self._known[key] = rows
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        log.info("up to %d rows share a batch, %s: %s", self.rows(key), why, key)
