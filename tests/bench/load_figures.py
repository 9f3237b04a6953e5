"""Figures of the engine under load: requests that come whenever they like, and requests that cannot share a batch."""

import random
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failed, Finished, Progress
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.scheduler import Scheduler, Waiting
from dgnam_server.engine.warmup import typical
from dgnam_server.engine.work import Work
from dgnam_server.synth.methods import DEFAULT_PIXEL_METHOD, METHODS, Method
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from measuring import Bench, Figures
from step_figures import SETTINGS, target_of

LOADS = (0.3, 0.6, 0.9)  # of the capacity
Key = TypeVar("Key", bound=Hashable)


class WholeBatches(Scheduler[Key]):
    """What everybody else does: who comes while a batch runs waits until all of it has finished."""

    def __init__(self) -> None:
        super().__init__(2**40, lambda key, rows: 1.0)  # whatever their number, all of them step
        self._closed: set[Key] = set()

    def admit(self) -> Iterator[Waiting]:
        self._closed = {key for key, (running, _, _) in self.counts().items() if running}
        return super().admit()

    def has_room(self, key: Key, client: str) -> bool:
        return key not in self._closed and super().has_room(key, client)


def arrivals(bench: Bench) -> Figures:
    """Seconds from request to picture when requests arrive at random (Poisson), for our batching and for whole batches.

    The capacity is what a full batch draws per second; the arrival times are the same for both.
    """
    models = bench.models()
    builder = Builder(models, bench.device)
    steps = max(1, bench.steps // 4)
    figures = {}
    works = [builder.synthesis(draw_spec(models, i, steps)) for i in range(max(bench.arrivals, *bench.sizes))]
    with running(bench, builder) as engine:
        rows = min(engine.batch_rows, max(bench.sizes))
        full = bench.seconds("a full batch", lambda: wait_for(engine, works[:rows], [0.0] * rows))
    figures["full_batch_s"] = full
    for name, scheduler in (("", None), ("whole_batches_", WholeBatches)):
        for load in LOADS:
            bench.progress(f"arrivals at {load:.0%}, {name or 'joining'}".replace("_", " ").rstrip())
            with running(bench, builder, scheduler and scheduler()) as engine:
                waits = sorted(wait_for(engine, works[: bench.arrivals], arrival_times(bench.arrivals, load * rows / full)))
            figures[f"{name}arrivals_mean_s_{load:.0%}"] = sum(waits) / len(waits)
            figures[f"{name}arrivals_p95_s_{load:.0%}"] = waits[int(0.95 * (len(waits) - 1))]
    figures["arrivals_p95_over_full_batch_60%"] = figures["arrivals_p95_s_60%"] / full
    return figures


def mixed(bench: Bench) -> Figures:
    """Requests of different taps, networks and methods at once, which cannot share a batch.

    Each kind's speed is the steps per second of all its rows. Slow-down: alone over in the mixture. Fairness: the largest slow-down over
    the smallest; 1 is fair. Throughput lost: 1 minus the sum of what each kind keeps of its lone speed; 0 is none, negative a gain.
    """
    models = bench.models()
    kinds = kinds_of(models)
    alone = []
    for name, spec in kinds.items():
        bench.progress(f"only {name}")
        alone += speeds(bench, models, [spec])
    bench.progress("all at once")
    together = speeds(bench, models, list(kinds.values()))
    kept = [now / before for now, before in zip(together, alone, strict=True)]
    figures = {f"mixed_slow_down_{name}": 1 / share for name, share in zip(kinds, kept, strict=True)}
    return figures | {"mixed_fairness_ratio": max(kept) / min(kept), "mixed_throughput_lost": 1 - sum(kept)}


def kinds_of(models: Catalog) -> dict[str, SynthesisSpec]:
    """Requests that have different batches: another tap, another network, two terms balanced by gradients, a method without a prior."""
    network, drawn = target_of(models), draw_spec(models, 0, 10**5)
    taps = [tap.name for tap in network.card.taps if len(tap.shape) == 3]
    method = METHODS[DEFAULT_PIXEL_METHOD]
    settings = {**defaults_of(method), "steps": 10**5}
    kinds = {
        "output": drawn,
        "hidden": replace(drawn, terms=(Term(Unit(network.name, taps[-1], 0)),)),
        "pair": replace(drawn, terms=(*drawn.terms, Term(Unit(network.name, network.card.output_tap, 1))), balance=Balance.GRADIENT_NORM),
        "pixels": replace(drawn, prior="", method=method.name, settings=settings, size=network.input_size),
    }
    others = [other for other in models.networks.values() if other.name != network.name and other.input_size == network.input_size]
    if others:
        kinds["network"] = replace(drawn, terms=(Term(Unit(others[0].name, others[0].card.output_tap, 0)),))
    return {name: replace(spec, variants=4) for name, spec in kinds.items()}


def defaults_of(method: Method) -> dict[str, float]:
    """The options of a method without a prior, none of them given."""
    settings: dict[str, float] = {}
    for option in method.options:
        own = settings.get(option.name.removeprefix("end_"), option.minimum)
        settings[option.name] = own if option.default is None else option.default
    return settings


def draw_spec(models: Catalog, number: int, steps: int) -> SynthesisSpec:
    """The `number`-th of many different requests to the default prior."""
    network = target_of(models)
    unit = Unit(network.name, network.card.output_tap, number % len(network.card.labels))
    return SynthesisSpec((Term(unit),), Balance.NONE, models.default_prior, "dgn-am", {**SETTINGS, "steps": steps}, number)


def arrival_times(count: int, per_s: float) -> list[float]:
    """Seconds at which requests arrive: a Poisson process, the same at every call."""
    source, now, times = random.Random(0), 0.0, []
    for _ in range(count):
        now += source.expovariate(per_s)
        times.append(now)
    return times


def wait_for(engine: DeviceThread, works: Sequence[Work], times: list[float]) -> list[float]:
    """Submit each request at its time, in seconds from now; the seconds that each took."""
    taken: dict[int, float] = {}
    all_done = threading.Event()

    def hear(number: int, submitted: float) -> Callable[[Event], None]:
        def emit(event: Event) -> None:
            assert not isinstance(event, Failed), event
            if isinstance(event, Finished):
                taken[number] = time.monotonic() - submitted
                if len(taken) == len(works):
                    all_done.set()

        return emit

    start = time.monotonic()
    for number, (work, at) in enumerate(zip(works, times, strict=True)):
        time.sleep(max(0.0, start + at - time.monotonic()))
        engine.submit(work, hear(number, time.monotonic()))
    all_done.wait()
    return [taken[number] for number in range(len(works))]


def speeds(bench: Bench, models: Catalog, specs: list[SynthesisSpec]) -> list[float]:
    """Steps per second of all rows of each request while all of them run."""
    seen: list[dict[int, int]] = [{} for _ in specs]

    def hear(steps: dict[int, int]) -> Callable[[Event], None]:
        def emit(event: Event) -> None:
            assert not isinstance(event, Failed) or event.failure.value == "cancelled", event
            if isinstance(event, Progress):
                steps[event.row] = event.step

        return emit

    def so_far() -> list[int]:
        return [sum(list(steps.values())) for steps in seen]

    builder = Builder(models, bench.device)
    with running(bench, builder) as engine:
        tickets = [engine.submit(builder.synthesis(spec), hear(steps)) for spec, steps in zip(specs, seen, strict=True)]
        while not all(seen):
            time.sleep(0.01)
        before, started = so_far(), time.monotonic()
        time.sleep(bench.watch_s)
        after, seconds = so_far(), time.monotonic() - started
        for ticket in tickets:
            ticket.close()
    return [max(1, end - begin) / seconds for begin, end in zip(before, after, strict=True)]


@contextmanager
def running(bench: Bench, builder: Builder, scheduler: Scheduler[Any] | None = None) -> Iterator[DeviceThread]:
    """An engine that has warmed up, stopped when the block ends."""
    engine = DeviceThread(
        typical(builder), EngineLimits(queue_capacity=10**6, client_queue_capacity=10**6, max_batch_rows=max(bench.sizes))
    )
    if scheduler is not None:
        engine._runner.scheduler = scheduler  # not a setting: nobody should serve with another
    engine.start()
    try:
        yield engine
    finally:
        engine.drain(0)
