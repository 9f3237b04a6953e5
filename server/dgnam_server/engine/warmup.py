"""What happens before the engine takes work: it runs the commonest kind, and finds out how many rows should share a batch."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from dgnam_server.engine.batch_cache import BatchCache
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.work import Work
from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, METHODS
from dgnam_server.synth.spec import Balance, Fit, SynthesisSpec, Term, Unit

log = logging.getLogger(__name__)


def typical(builder: Builder) -> Work:
    """What most requests ask for: the default method and prior; the unit is of the prior's encoder, or of what else takes its pictures.

    Where no prior is loaded, the default method on pixels; where no network gives gradients, reading a picture's activations.
    """
    catalog = builder.catalog
    if not catalog.generators:
        return _of_pixels(builder)
    generator = catalog.generators[catalog.default_prior]
    network = catalog.viewer(generator)
    if network is None:
        return _of_pixels(builder)
    method = METHODS[DEFAULT_METHOD]
    spec = SynthesisSpec(
        terms=(Term(Unit(network.name, network.card.output_tap, 0)),),
        balance=Balance.NONE,
        prior=generator.name,
        method=method.name,
        settings=method.settings({"start_draws": 0}, method.card_defaults(generator.card)),  # a step is timed, not what goes before it
        seed=0,
    )
    return builder.synthesis(spec)


def _of_pixels(builder: Builder) -> Work:
    networks = builder.catalog.networks.values()
    network = next((network for network in networks if not network.card.forward_only), None)
    if network is None:
        network = next(iter(networks))
        image = np.full((*network.input_size, 3), 0.5, np.float32)
        return builder.activations([image], [Place(network.name, network.card.output_tap)])
    method = METHODS[DEFAULT_PIXEL_METHOD]
    terms = (Term(Unit(network.name, network.card.output_tap, 0)),)
    size, fit = network.input_size, Fit.RESIZE
    return builder.synthesis(SynthesisSpec(terms, Balance.NONE, "", method.name, method.settings(), seed=0, size=size, fit=fit))


def timed_step(work: Work, rows: int) -> float:
    """Seconds of one step of so many like rows of `work`."""
    lane = work.open()
    for _ in range(rows):
        lane.join(0, work, 0)
    started = time.monotonic()
    lane.step(tell=True)
    return time.monotonic() - started


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


def profile(step: Callable[[int], float], largest: int, worth: float = 0.95, rounds: int = 5) -> Profile:
    """How many rows should share a batch: the smallest power of two that reaches `worth` of the best rows per second.

    So no smaller size is faster, and a larger one hardly. All sizes are timed in turn, `rounds` times. A size's rate counts as a part of
    the best of its own round, so that a slow machine slows all of them, and the median over the rounds counts: no slow moment decides.

    Args:
        step: runs one step of so many rows and returns its seconds.
        largest: never more than this.
    """
    sizes = [1 << power for power in range(largest.bit_length())]
    rates = [[size / step(size) for size in sizes] for _ in range(rounds)]
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


def batch_rows(work: Work, limits: EngineLimits, cache: BatchCache | None) -> int:
    """How many rows share a batch: as set, as measured before, or as measured now. Runs the work at least once, and logs what decided."""
    if (rows := limits.batch_rows) is not None:
        why = "as set"
    elif (rows := cache.read() if cache else None) is not None:
        why = f"as measured before, see {cache.file if cache else None}"
    else:
        return _measured(work, limits.max_batch_rows, cache)
    rows = min(rows, limits.max_batch_rows)
    timed_step(work, rows)
    log.info("up to %d rows share a batch: %s", rows, why)
    return rows


def _measured(work: Work, largest: int, cache: BatchCache | None) -> int:
    timed_step(work, 1)  # what only the first step does is not what is measured
    found = profile(lambda rows: timed_step(work, rows), largest)
    if found.steady:
        log.info("up to %d rows share a batch: measured now (%s)", found.rows, found)
        if cache:
            cache.write(found.rows)
    else:
        why = "measured now, on a busy machine, so it is not kept; batch_rows sets it"
        log.info("up to %d rows share a batch: %s (%s)", found.rows, why, found)
    return found.rows
