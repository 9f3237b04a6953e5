"""ReLUs that let nothing through pass on what would wake them: a unit that is silent everywhere is found all the same."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows

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
    stuck = active & (passed == 0).flatten(1).all(1)
    back = torch.where(above, came.clamp(max=0), came.clamp(min=0))
    changed = stuck & (back != 0).flatten(1).any(1)
    return torch.where(stuck.view(-1, *[1] * (came.ndim - 1)), back, passed), changed


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


def _above(node: Any) -> Tensor | None:
    """Where a ReLU's input is over its upper limit; None: it has none."""
    upper = _RELUS[node.name()]
    most = getattr(node, upper) if upper else None
    return None if most is None else node._saved_self > most


def _redirect(activation: Tensor, image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    """Hooks on every ReLU; they fill in the tensor that is returned while the gradient is computed."""
    active = rows.step < rows.now(REDIRECTED_STEPS).clamp(max=rows.steps - 1)  # the last step always says how it is
    touched = torch.zeros_like(active)
    for node in relus(activation, image):
        node.register_hook(_hook(_above(node), active, touched))
    return touched


def _hook(above: Tensor | None, active: Tensor, touched: Tensor) -> Hook:
    """Must not hold the node, which holds it: nothing would ever free the two."""

    def hook(passed: Sequence[Tensor], came: Sequence[Tensor]) -> tuple[Tensor | None, ...] | None:
        # Of a sequence of tokens nobody can tell the rows from the tokens: it stays as it is.
        if came[0] is None or came[0].ndim not in (2, 4) or len(came[0]) != len(active):
            return None
        over = torch.zeros_like(came[0], dtype=torch.bool) if above is None else above
        gradient, changed = redirected(passed[0], came[0], over, active)
        touched.logical_or_(changed)
        return (gradient, *passed[1:])

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
)
