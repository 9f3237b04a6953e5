"""DGN-AM as init / step / finished over rows (Nguyen et al. 2016). Somebody else owns the loop: the lane, or `run`.

One step, per row:

    rate  = start + (end - start) * i / n
    image = G(code)
    g     = d objective(phi(centre crop of image)) / d code
    code  = code + rate * g / mean|g|          normalized_ascent
    code  = min(max(code, 0), bound)           clip first,
    code  = code * (1 - decay)                 then shrink

A NaN gradient leaves the code as it is; a zero gradient ends the row. The result is the picture of the last forward pass, before the last
update, as in the released script: activation and recognizability do not go together, so no best is picked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.synth import objectives, projections, transforms, updates
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Balance, Readout, SynthesisSpec

Source = tuple[str, str]  # network and tap


def sources(spec: SynthesisSpec) -> tuple[Source, ...]:
    """The taps a target is read from, in the order rows number them."""
    return tuple(sorted({(term.unit.model, term.unit.tap) for term in spec.terms}))


@dataclass(frozen=True)
class Problem:
    """What rows of one batch have in common: prior, networks, taps, and how terms are brought together."""

    prior: GeneratorPrior
    networks: tuple[Network, ...]
    sources: tuple[Source, ...]
    balance: Balance

    def activations(self, image: Tensor) -> list[Tensor]:
        """The activations of every source for image (B, 3, H, W); each network runs once, as far as its last tap."""
        found: dict[Source, Tensor] = {}
        for network in self.networks:
            taps = [tap for name, tap in self.sources if name == network.name]
            read = network.activations(transforms.centre_crop(image, network.input_size), taps)
            found |= {(network.name, tap): value for tap, value in read.items()}
        return [found[source] for source in self.sources]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a step looked at: the picture of each row before its update, and its terms' activations."""

    image: Tensor  # (B, 3, H, W) float32 RGB, not clipped
    code: Tensor  # (B, D), what it was drawn from
    activation: Tensor  # (B, T)


def init(problem: Problem, spec: SynthesisSpec, variant: int, start: Tensor | None = None) -> Rows:
    """One new row.

    Args:
        variant: which of the spec's variants; its random start comes from `spec.seed + variant`.
        start: (1, D), the code to start from; None: standard normal.
    """
    settings, terms = spec.settings, spec.terms
    code = problem.prior.random_code(spec.seed + variant) if start is None else start
    device = code.device

    def column(value: float, dtype: torch.dtype) -> Tensor:
        return torch.tensor([value], dtype=dtype, device=device)

    def per_term(values: Sequence[float], dtype: torch.dtype) -> Tensor:
        return torch.tensor([values], dtype=dtype, device=device)

    positions = [term.unit.position or (-1, -1) for term in terms]
    return Rows(
        code=code.float(),
        bound=problem.prior.bound(settings.bound_multiplier),
        step=column(0, torch.int64),
        steps=column(settings.steps, torch.int64),
        start_rate=column(settings.start_learning_rate, torch.float32),
        end_rate=column(settings.end_learning_rate, torch.float32),
        decay=column(settings.decay, torch.float32),
        source=per_term([problem.sources.index((term.unit.model, term.unit.tap)) for term in terms], torch.int64),
        unit=per_term([term.unit.index for term in terms], torch.int64),
        y=per_term([y for y, _ in positions], torch.int64),
        x=per_term([x for _, x in positions], torch.int64),
        probability=per_term([term.readout is Readout.PROBABILITY for term in terms], torch.bool),
        weight=per_term([term.weight for term in terms], torch.float32),
        real=per_term([True] * len(terms), torch.bool),
        history=torch.zeros(1, settings.steps, len(terms), device=device),
        stopped=column(-1, torch.int64),
    )


def step(problem: Problem, rows: Rows) -> tuple[Rows, Seen]:
    """One iteration of every row; a row whose gradient vanished stands still. No value is read back to the host.

    The history is written in place: it belongs to the rows returned, and the rows passed in are not to be used again.
    """
    code = rows.code.detach().requires_grad_()
    with torch.enable_grad():
        image = problem.prior.draw(code)
        activation = objectives.term_activations(problem.activations(image), rows)
        gradient = objectives.GRADIENTS[problem.balance](activation, rows, code)
    code, image, activation = code.detach(), image.detach(), activation.detach()

    rate = updates.linear_rate(rows.start_rate, rows.end_rate, rows.step, rows.steps)
    moved = updates.normalized_ascent(code, gradient, rate)
    moved = projections.clip(moved, rows.bound)
    moved = projections.shrink(moved, rows.decay)

    usable = gradient.isfinite().all(1)
    zero = usable & (gradient == 0).all(1)
    stopped = torch.where((rows.stopped < 0) & zero, rows.step + 1, rows.stopped)
    moves = usable & (stopped < 0)
    at = rows.step.clamp(max=rows.history.shape[1] - 1)[:, None, None].expand(-1, 1, activation.shape[1])
    rows.history.scatter_(1, at, activation[:, None])
    after = replace(
        rows,
        code=torch.where(moves[:, None], moved, code),
        step=rows.step + 1,
        stopped=stopped,
    )
    return after, Seen(image, code, activation)


def finished(rows: Rows) -> Tensor:
    """Which rows are done, (B,) bool."""
    return (rows.step >= rows.steps) | (rows.stopped >= 0)


def run(problem: Problem, rows: Rows) -> tuple[Rows, Seen]:
    """The reference loop: all of `rows`, which must have the same number of steps, to their end; the engine must agree with it."""
    assert len(rows.steps.unique()) == 1
    while True:
        rows, seen = step(problem, rows)
        if finished(rows).all():
            return rows, seen
