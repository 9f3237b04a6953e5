"""Synthesis as init / step / finished over rows, the same for every method. Somebody else owns the loop: the lane, or `run`.

One step, per row; what a method does without is left out:

    image = prior(code)                                                priors; then parts with `paste`
    g     = d objective(phi(view of image)) / d image                  objectives; parts with `view` or `redirect`
    g     = shaped(g)                                                  parts with `shape`
    g     = (g - d penalties(image) / d image) . d image / d code      parts with `penalty`
    code  = moved(code, g)                                             rules
    code  = projected(code)                                            parts with `project`

For DGN-AM (Nguyen et al. 2016) this is, the generator being the prior:

    rate  = start + (end - start) * i / n
    g     = d objective(phi(centre crop of G(code))) / d code
    code  = code + rate * g / mean|g|          normalized_ascent
    code  = min(max(code, 0), bound)           clip first,
    code  = code * (1 - decay)                 then shrink

A gradient that is not finite leaves the code as it is. A zero one ends the row, unless the rule moves it all the same (noise, momentum) or
the next view is another one; so does an activation that is not finite. The result is the picture of the last forward pass, before the
last update, as in the released script: activation and recognizability do not go together, so no best is picked.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from dgnam_models.weight_layout import RectifiersApart
from torch import Tensor

from dgnam_server.synth import importance, objectives, parts, wanted
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import READOUTS, Rows
from dgnam_server.synth.rules import RULES
from dgnam_server.synth.spec import SynthesisSpec


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
        start: (1, D), the code to start from; None: the rule's own, or else the prior's random one.
    """
    settings, terms = spec.settings, spec.terms
    seed = spec.seed + variant
    rule = RULES[problem.structure.rule]
    if start is None:
        start = rule.start(problem) if rule.start else problem.prior.random_code(seed, settings)
    code = start.float()
    device = code.device

    def column(value: float, dtype: torch.dtype) -> Tensor:
        return torch.tensor([value], dtype=dtype, device=device)

    def per_term(values: Sequence[float], dtype: torch.dtype) -> Tensor:
        return torch.tensor([values], dtype=dtype, device=device)

    positions = [term.unit.position or (-1, -1) for term in terms]
    row = Rows(
        code=code,
        seed=column(seed, torch.int64),
        step=column(0, torch.int64),
        steps=column(spec.steps, torch.int64),
        settings={name: column(value, torch.float32) for name, value in settings.items()},
        state={
            **(rule.state(problem, code) if rule.state else {}),
            **parts.fresh_state(problem, code, spec),
            **importance.fresh_state(problem, code),
        },
        source=per_term([problem.sources.index((term.unit.model, term.unit.tap)) for term in terms], torch.int64),
        unit=per_term([term.unit.index for term in terms], torch.int64),
        y=per_term([y for y, _ in positions], torch.int64),
        x=per_term([x for _, x in positions], torch.int64),
        readout=per_term([READOUTS.index(term.readout) for term in terms], torch.int64),
        vector=wanted.vectors(problem, terms, seed, device),
        weight=per_term([term.weight for term in terms], torch.float32),
        real=per_term([True] * len(terms), torch.bool),
        silent=per_term([False] * len(terms), torch.bool),
        history=torch.zeros(1, spec.steps, len(terms), device=device),
        stopped=column(-1, torch.int64),
        pulled=column(0, torch.int64),
        broken=column(0, torch.int64),
    )
    return replace(row, silent=silent(problem, row)) if len(terms) > 1 else row


def silent(problem: Problem, rows: Rows) -> Tensor:
    """Which terms have no gradient of their own for the rows' pictures, (B, T) bool: of their sum one of the others may hide it.

    One backward pass per term, so this is not for every step.
    """
    code = rows.code.detach().requires_grad_()
    with torch.enable_grad():
        read = objectives.term_activations(problem.activations(_pasted(problem, rows, problem.prior.draw(code))), rows)
        terms = read.shape[1]
        gradients = [torch.autograd.grad(read[:, t].sum(), code, retain_graph=t < terms - 1)[0] for t in range(terms)]
    return torch.stack([(gradient == 0).all(1) for gradient in gradients], 1) & rows.real


def step(problem: Problem, rows: Rows, idle: frozenset[str] = frozenset()) -> tuple[Rows, Seen]:
    """One iteration of every row; a row whose gradient vanished stands still.

    The history is written in place: it belongs to the rows returned, and the rows passed in are not to be used again.

    Args:
        idle: parts that no row has at this step, which saves their time (`parts.idle`).
    """
    problem = problem.without(idle)
    names = problem.structure.parts
    redirects = bool(parts.at(lambda part: part.redirect, names))
    code = rows.code.detach().requires_grad_()
    with torch.enable_grad():
        image = problem.prior.draw(code)
        drawback = _penalty_gradient(problem, rows, image, code)
        image = _pasted(problem, rows, image)
        rows = _watched(problem, rows, image.detach())
        felt: list[Tensor] = []
        with RectifiersApart() if redirects else nullcontext():  # they are looked for in the graph
            activation = objectives.term_activations(problem.activations(_view(problem, rows, image, felt)), rows)
        untrue = _redirected(problem, rows, activation, image)
        gradient = objectives.GRADIENTS[problem.balance](activation, rows, code)
    strongest = gradient.abs().amax(1)  # of a row with a value that is not a number, not a number
    pulls = strongest.isfinite() & (strongest != 0)
    if untrue is not None:
        pulls = pulls & ~untrue
    if drawback is not None:
        gradient = gradient - drawback
        strongest = gradient.abs().amax(1)
    code, image, activation = code.detach(), image.detach(), activation.detach()

    moved, state = RULES[problem.structure.rule].move(rows, gradient, problem)
    for project in parts.at(lambda part: part.project, names):
        moved = project(moved, rows, problem)

    usable = strongest.isfinite()
    flat = strongest == 0
    drifts, varies = _drifts(problem, rows), _varies(problem, rows)
    ends = flat & ~drifts & ~varies | ~objectives.weighted_sum(activation, rows).isfinite()
    stopped = torch.where((rows.stopped < 0) & ends, rows.step + 1, rows.stopped)
    moves = (usable & (stopped < 0) & (~flat | drifts))[:, None]
    at = rows.step.clamp(max=rows.history.shape[1] - 1)[:, None, None].expand(-1, 1, activation.shape[1])
    rows.history.scatter_(1, at, activation[:, None])
    after = replace(
        rows,
        code=torch.where(moves, moved, code),
        state={
            **rows.state,
            **{name: torch.where(moves, value, rows.state[name]) for name, value in state.items()},
            **importance.added(rows.state, felt),
        },
        step=rows.step + 1,
        stopped=stopped,
        pulled=rows.pulled + pulls,
        broken=rows.broken + ~usable,
    )
    return after, Seen(image, code, activation)


def _drifts(problem: Problem, rows: Rows) -> Tensor:
    """Which rows the rule moves even where the gradient is zero, (B,) bool."""
    drifts = RULES[problem.structure.rule].drifts
    return drifts(rows) if drifts else torch.zeros_like(rows.step, dtype=torch.bool)


def _varies(problem: Problem, rows: Rows) -> Tensor:
    """Which rows will be looked at differently in the next step, (B,) bool."""
    varying = [varies(rows) for varies in parts.at(lambda part: part.varies, problem.structure.parts)]
    return torch.stack(varying).any(0) if varying else torch.zeros_like(rows.step, dtype=torch.bool)


def _pasted(problem: Problem, rows: Rows, image: Tensor) -> Tensor:
    """The picture with what of it is given."""
    for paste in parts.at(lambda part: part.paste, problem.structure.parts):
        image = paste(image, rows, problem)
    return image


def _watched(problem: Problem, rows: Rows, image: Tensor) -> Rows:
    """The rows with what their parts remember brought up to date."""
    for watch in parts.at(lambda part: part.watch, problem.structure.parts):
        rows = replace(rows, state={**rows.state, **watch(image, rows, problem)})
    return rows


def _view(problem: Problem, rows: Rows, image: Tensor, felt: list[Tensor]) -> Tensor:
    """What the networks get to see of image; the gradient that comes back through it is shaped on its way.

    Args:
        felt: gets each gradient that came back, shaped, where the row remembers what was important.
    """
    seen = image.view_as(image)
    shapes = parts.at(lambda part: part.shape, problem.structure.parts)
    remembers = importance.NAME in rows.state

    def shaped(gradient: Tensor) -> Tensor:
        for shape in shapes:
            gradient = shape(gradient, rows, problem)
        if remembers:
            felt.append(gradient.detach())
        return gradient

    if shapes or remembers:
        seen.register_hook(shaped)
    for view in parts.at(lambda part: part.view, problem.structure.parts):
        seen = view(seen, rows, problem)
    return seen


def _redirected(problem: Problem, rows: Rows, activation: Tensor, image: Tensor) -> Tensor | None:
    """Which rows' gradients will not be the true ones, (B,) bool, known once they are computed; None: all will be."""
    changed = [redirect(activation, image, rows, problem) for redirect in parts.at(lambda part: part.redirect, problem.structure.parts)]
    return changed[0] if changed else None  # the table has one such part


def _penalty_gradient(problem: Problem, rows: Rows, image: Tensor, code: Tensor) -> Tensor | None:
    """d sum of the weighted penalties / d code, (B, D); None where there are none."""
    penalties = [penalty(image, rows, problem) for penalty in parts.at(lambda part: part.penalty, problem.structure.parts)]
    if not penalties:
        return None
    return torch.autograd.grad(torch.stack(penalties).sum(), code, retain_graph=True)[0]


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
