"""Figures of the bare step: the published procedure, the lane, what the hardware could do, where the time and the memory go."""

import multiprocessing
import resource
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dgnam_models
import torch
from dgnam_models import Generator, Network
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.heap import keep_freed_memory
from dgnam_server.engine.kinds.synthesis import SynthesisLane
from dgnam_server.synth import ascent, objectives
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from measuring import Bench, Figures
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

SETTINGS = {**DGN_AM.settings({"start_learning_rate": 0.2}), "steps": 10**5}
_aten, _packed = torch.ops.aten, torch.ops.mkldnn
PRODUCTS = {
    *(_aten.convolution.default, _aten.convolution_backward.default, _aten.addmm.default, _aten.mm.default, _aten.bmm.default),
    *(_packed._convolution_pointwise.default, _packed._convolution_transpose_pointwise.default, _packed._linear_pointwise.default),
}


def measure(bench: Bench) -> Figures:
    """Milliseconds per row and step of the published procedure (naive and careful), of the lane, and of the multiplications alone."""
    figures = {}
    for name, careful in (("naive", False), ("careful", True)):
        seconds = bench.seconds(name, published(bench, careful))
        figures[f"{name}_ms_per_row_step"] = 1000 * seconds / bench.timed_steps
    models = bench.models()
    lanes = {size: lane_of(models, size) for size in bench.sizes}
    for lane in lanes.values():
        advance(lane, 2)
    times = bench.side_by_side("lanes", *[lambda lane=lane: advance(lane, bench.timed_steps) for lane in lanes.values()])
    for size, seconds in zip(lanes, times, strict=True):
        figures[f"lane_ms_per_row_step_{size}"] = 1000 * statistics.median(seconds) / bench.timed_steps / size
    figures["limit_ms_per_row_step"] = limit_ms(bench, partial(lane_of, models), bench.sizes)
    return figures


def breakdown(bench: Bench) -> Figures:
    """Where the time of a step of the largest batch goes, in milliseconds per row; and what memory a row takes.

    The parts are differences between ever longer pieces of the step, each timed alone.
    """
    models = bench.models()
    size = bench.sizes[-1]
    lane = lane_of(models, size)
    assert lane.rows is not None
    problem, rows = lane.problem, lane.rows

    def forward() -> tuple[Tensor, Tensor, Rows]:
        code = rows.code.detach().requires_grad_()
        with torch.enable_grad():
            return code, objectives.term_activations(problem.activations(problem.prior.draw(code)), rows), rows

    def backward() -> None:
        code, activation, _ = forward()
        objectives.sum_gradient(activation, rows, code)

    pieces: list[tuple[str, Callable[[], object]]] = [
        ("generator", lambda: problem.prior.draw(rows.code.detach().requires_grad_())),
        ("target", forward),
        ("backward", backward),
        ("update", lambda: ascent.step(problem, rows)),
        ("lane", lambda: lane.step(tell=True)),
    ]
    figures, before = {}, 0.0
    for name, piece in pieces:
        seconds = bench.seconds(f"a step's {name}", piece)
        figures[f"part_{name}_ms_per_row"] = 1000 * (seconds - before) / size
        before = seconds
    return figures | copies(bench, lane) | memory(bench)


def copies(bench: Bench, lane: SynthesisLane) -> Figures:
    """Which part of a step's time is spent in copying and re-ordering, as PyTorch's profiler sees it."""
    bench.progress("copies")
    with torch.profiler.profile() as profile:
        lane.step(tell=False)
    events = profile.key_averages()
    total = sum(_own_time(event) for event in events)
    copied = sum(_own_time(event) for event in events if event.key in ("aten::copy_", "aten::clone", "aten::cat", "aten::index"))
    return {"copies_share": copied / total if total else 0.0}


def _own_time(event: Any) -> float:
    return float(event.self_device_time_total or event.self_cpu_time_total)


def memory(bench: Bench) -> Figures:
    """Mebibytes: what a process with a lane of the largest size has at its peak, and how much of that each row adds."""
    bench.progress("memory")
    small, large = min(bench.sizes), max(bench.sizes)
    silent = replace(bench, progress=print_nothing)
    peaks = {}
    for size in (small, large):  # a process each: a peak never falls
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            peaks[size] = pool.submit(peak_mib, silent, size).result()
    return {"peak_mib": peaks[large], "memory_per_row_mib": (peaks[large] - peaks[small]) / max(1, large - small)}


def print_nothing(doing: str) -> None:
    """A progress that tells nobody; unlike a lambda it can be sent to another process."""


def peak_mib(bench: Bench, size: int) -> float:
    """The most memory this process has had after a few steps of `size` rows, the device's where it has some of its own."""
    keep_freed_memory()
    lane = lane_of(bench.models(), size)
    advance(lane, 3)
    if bench.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return _peak_resident_mib()


def _peak_resident_mib() -> float:
    """The most memory this process has had resident; on Linux, getrusage tells its parent's where that is more."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))) / 1024


def published(bench: Bench, careful: bool) -> Callable[[], None]:
    """Steps of one row in plain eager float32; `careful`: weights frozen and channels-last, else as they come."""
    prior = dgnam_models.load(bench.prior, bench.device, bench.packs)
    assert isinstance(prior, Generator)
    assert prior.card.code is not None
    network = dgnam_models.load(prior.card.code.encoder, bench.device, bench.packs)
    assert isinstance(network, Network)
    if not careful:
        for model in (prior, network):
            model.requires_grad_(True)
            model.to(memory_format=torch.contiguous_format)
    bound = prior.code_mean + 3 * prior.code_std

    def work() -> None:
        code = torch.randn(1, prior.code_size, device=bench.device)
        for i in range(bench.timed_steps):
            code = code.detach().requires_grad_()
            activation = network.logits(prior(code))[0, i % len(network.card.labels)]
            activation.backward()
            assert code.grad is not None
            code = (code.detach() + 0.1 * code.grad / code.grad.abs().mean()).clamp(min=0).minimum(bound) * 0.99
            activation.item()  # a notebook prints it

    return work


def target_of(models: Catalog) -> Network:
    """The default prior's encoder, whose output units are the targets."""
    code = models.generators[models.default_prior].card.code
    assert code is not None
    return models.networks[code.encoder]


def lane_of(models: Catalog, size: int) -> SynthesisLane:
    """A lane with `size` different rows that never end."""
    network, prior = target_of(models), models.generators[models.default_prior]
    tap = network.card.output_tap
    builder = Builder(models, prior.code_mean.device)
    works = []
    for row in range(size):
        terms = (Term(Unit(network.name, tap, row % len(network.card.labels))),)
        works.append(builder.synthesis(SynthesisSpec(terms, Balance.NONE, prior.name, DGN_AM.name, SETTINGS, row)))
    lane = works[0].open()
    for row, work in enumerate(works):
        lane.join(row, work, 0)
    return lane


def advance(lane: SynthesisLane, steps: int) -> None:
    for _ in range(steps):
        lane.step(tell=False)


class _Products(TorchDispatchMode):
    """Notes every convolution and matrix product with its arguments, gradients included."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, tuple[Any, ...]]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if function in PRODUCTS:
            self.seen.append((function, args))
        return function(*args, **(kwargs or {}))


def limit_ms(bench: Bench, lane_for: Callable[[int], SynthesisLane], sizes: Sequence[int]) -> float:
    """Milliseconds per row of a step's convolutions and matrix products alone, each at that of `sizes` where it runs fastest.

    They are the very calls of the step, with its tensors, in its precision, repeated one at a time.
    """
    fastest: dict[int, float] = {}
    for size in sizes:
        bench.progress(f"multiplications alone, {size} rows")
        lane = lane_for(size)
        with _Products() as products:
            lane.step(tell=False)
        with torch.no_grad():
            for number, (function, args) in enumerate(products.seen):
                seconds = bench.best_seconds(lambda function=function, args=args: function(*args)) / size
                fastest[number] = min(seconds, fastest.get(number, seconds))
    return 1000 * sum(fastest.values())
