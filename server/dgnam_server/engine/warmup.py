"""What happens before the engine takes work: it runs the commonest kind, and finds out how many rows should share a batch."""

import time
from collections.abc import Callable

from dgnam_server.engine.builder import Builder
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.engine.work import Work
from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, METHODS
from dgnam_server.synth.spec import Balance, Fit, SynthesisSpec, Term, Unit


def typical(builder: Builder) -> Synthesis:
    """What most requests ask for: the default method and prior; the unit is of the prior's encoder, or of what else takes its pictures.

    Where no prior is loaded, the default method on pixels.
    """
    catalog = builder.catalog
    if not catalog.generators:
        return _of_pixels(builder)
    generator = catalog.generators[catalog.default_prior]
    network = catalog.viewer(generator)
    assert network is not None
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


def _of_pixels(builder: Builder) -> Synthesis:
    network = next(network for network in builder.catalog.networks.values() if not network.card.forward_only)
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


def profile(step: Callable[[int], float], largest: int, worth: float = 0.95, rounds: int = 2) -> int:
    """How many rows should share a batch: the smallest power of two that reaches `worth` of the best rows per second.

    So no smaller size is faster, and a larger one hardly. All sizes are timed in turn, `rounds` times, and the shortest time of each
    counts: no slow moment of the machine decides.

    Args:
        step: runs one step of so many rows and returns its seconds.
        largest: never more than this.
    """
    sizes = [1 << power for power in range(largest.bit_length())]
    times = [[step(size) for size in sizes] for _ in range(rounds)]
    rates = [size / min(seconds) for size, seconds in zip(sizes, zip(*times, strict=True), strict=True)]
    return next(size for size, rate in zip(sizes, rates, strict=True) if rate >= worth * max(rates))
