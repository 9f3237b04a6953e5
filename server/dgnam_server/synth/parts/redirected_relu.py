"""ReLUs that let nothing through pass on what would wake them: a unit that is silent everywhere is found all the same."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Settings

REDIRECTED_STEPS = "redirected_relu_steps"
Hook = Callable[[Sequence[Tensor], Sequence[Tensor]], tuple[Tensor | None, ...] | None]
# What PyTorch records of ReLUs and of other functions that cut values off, however they are written (module, function, method, script, in
# place, ONNX's Clip), and where each keeps its upper limit.
_RELUS = {
    "ReluBackward0": "",
    "ThresholdBackward0": "",
    "ClampMinBackward0": "",
    "ClampBackward0": "_saved_max",
    "ClampBackward1": "_saved_max",
    "HardtanhBackward0": "_saved_max_val",
}
_ROUGH = 0.02  # of rounding, where networks compute in few bits; a wrong dimension is off by a fifth and more


def redirected(passed: Tensor, came: Tensor, above: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """A ReLU's gradient, or, of a row of which nothing got through, what would bring its values back between the limits.

        g' = g where 0 < x < limit, else 0                         as ever, if any of a row's g' is not 0
        g' = g where x < 0 < g, or g < 0 and x > limit, else 0     otherwise

    (Olah et al. 2017, Lucid's `redirected_relu_grad` and `redirected_relu6_grad`; there of a loss, which descends.)

    Args:
        passed: g', (B, ...), what the ReLU lets through.
        came: g, of the same shape, the slope of what is ascended.
        above: bool, of the same shape, where x is over the upper limit.
        active: (B,) bool, the rows to redirect.

    Returns:
        The gradient, and which rows of it are redirected, (B,) bool.
    """
    stuck = barred(passed, active)
    back = torch.where(above, came.clamp(max=0), came.clamp(min=0))
    changed = stuck & (back != 0).flatten(1).any(1)
    return torch.where(stuck.view(-1, *[1] * (came.ndim - 1)), back, passed), changed


def barred(passed: Tensor, active: Tensor) -> Tensor:
    """Which of the `active` rows (B,) got nothing through, (B,) bool; passed is (B, ...), with two dimensions or more.

    Nearly always something got through in the middle already, and the rest is not looked at.
    """
    middle = passed if passed.ndim == 2 else passed.select(-2, passed.shape[-2] // 2)
    for part in (middle, passed):
        active = active & (part.abs().amax(tuple(range(1, part.ndim))) == 0)
        if not active.any():
            break
    return active


def relus(activation: Tensor, image: Tensor) -> Iterator[Any]:
    """The nodes of ReLUs in the graph between image and activation: those of networks, not those of a prior."""
    seen = {image.grad_fn}
    left = [activation.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        left += [following for following, _ in node.next_functions]
        if node.name() in _RELUS:
            yield node


def _upper(node: Any) -> tuple[Tensor, Any] | None:
    """A ReLU's input and its upper limit, a number or a tensor; None: it has none."""
    upper = _RELUS[node.name()]
    most = getattr(node, upper) if upper else None
    return None if most is None else (node._saved_self.detach(), most)


def batch_axes(nodes: Sequence[Any], activation: Tensor, image: Tensor) -> list[int | None]:
    """Which dimension of what each ReLU passes on is the batch's; None: neither of the first two.

    Of a map or a vector it is the first. Of a sequence of tokens, (B, N, C) or (N, B, C), the lengths do not tell, as B may be N. There
    each row is ascended as strongly as its number says, and the dimension along which the gradient grows is the batch's. For that, every
    ReLU passes on all that comes.
    """
    sequences = [i for i, node in enumerate(nodes) if _saved(node).ndim == 3]
    axes: list[int | None] = [0 if _saved(node).ndim in (2, 4) else None for node in nodes]
    if not sequences:
        return axes
    strength = 1 + torch.arange(len(activation), device=activation.device) / len(activation)
    plain, graded = (_passed_on([nodes[i] for i in sequences], (activation.sum(1) * each).sum(), image) for each in (1.0, strength))
    for i, one, other in zip(sequences, plain, graded, strict=True):
        axes[i] = next((axis for axis in (0, 1) if one is not None and other is not None and _grows(one, other, axis, strength)), None)
    return axes


def _saved(node: Any) -> Tensor:
    """A tensor of the shape of what a ReLU passes on."""
    saved = getattr(node, "_saved_result", None)
    found: Tensor = node._saved_self if saved is None else saved
    return found


def _passed_on(nodes: Sequence[Any], ascended: Tensor, image: Tensor) -> list[Tensor | None]:
    """The gradients that come to these ReLUs, were there no ReLUs on the way."""
    came: list[Tensor | None] = [None] * len(nodes)

    def note(i: int, passed: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        came[i] = given[0]
        return (given[0], *passed[1:])

    handles = [node.register_hook(partial(note, i)) for i, node in enumerate(nodes)]
    torch.autograd.grad(ascended, image, retain_graph=True, allow_unused=True)
    for handle in handles:
        handle.remove()
    return came


def _grows(plain: Tensor, graded: Tensor, axis: int, strength: Tensor) -> bool:
    if plain.shape[axis] != len(strength):
        return False
    wanted = plain.float() * strength.view(-1, *[1] * (plain.ndim - 1 - axis))
    return bool((graded.float() - wanted).norm() <= _ROUGH * wanted.norm())


def _redirect(activation: Tensor, image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    """Hooks on every ReLU; they fill in the tensor that is returned while the gradient is computed."""
    active = rows.step < rows.now(REDIRECTED_STEPS).clamp(max=rows.steps - 1)  # the last step always says how it is
    touched = torch.zeros_like(active)
    nodes = list(relus(activation, image))
    for node, axis in zip(nodes, batch_axes(nodes, activation, image), strict=True):
        if axis is not None:
            node.register_hook(_hook(_upper(node), active, touched, axis))
    return touched


def _due(settings: Settings, step: int) -> bool:
    return step < settings[REDIRECTED_STEPS]


def _hook(upper: tuple[Tensor, Any] | None, active: Tensor, touched: Tensor, axis: int) -> Hook:
    """Must not hold the node, which holds it: nothing would ever free the two.

    Where something got through of every row, the gradient stays the tensor that it is, and no more is computed.
    """

    def hook(passed: Sequence[Tensor], came: Sequence[Tensor]) -> tuple[Tensor | None, ...] | None:
        if came[0] is None or came[0].shape[axis] != len(active):
            return None
        stuck = barred(passed[0].transpose(0, axis), active)
        if not stuck.any():
            return None
        over = torch.zeros_like(came[0], dtype=torch.bool) if upper is None else upper[0] > upper[1]
        through, all_of_it, over = (value.transpose(0, axis) for value in (passed[0], came[0], over))  # rows first
        gradient, changed = redirected(through, all_of_it, over, stuck)
        touched.logical_or_(changed)
        return (gradient.transpose(0, axis), *passed[1:])

    return hook


REDIRECTED_RELU = Part(
    "redirected-relu",
    options=(
        Option(
            REDIRECTED_STEPS,
            "For so many steps, a ReLU that lets nothing of the gradient through passes on what would wake it (Lucid). 0: never.",
            0,
            2000,
            0,
            integer=True,
            switch=True,
        ),
    ),
    redirect=_redirect,
    due=_due,
)
