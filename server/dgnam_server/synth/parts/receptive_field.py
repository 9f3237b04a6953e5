"""The receptive field: a picture grows only where its units look."""

import torch
from torch import Tensor

from dgnam_server.synth import objectives, pyramids
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.activation_map import inside
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.spec import SynthesisSpec

_LEVELS = 2  # halvings: it smooths over some four pixels, about the grain of a gradient
_LEAST = 1e-12  # keeps a field without any slope at zero


def effective_field(gradient: Tensor) -> Tensor:
    """Where in the picture units look, (B, 1, H, W), from 0 to 1 where they do so most: the size of their gradient, smoothed.

        M = smooth( sum_c |d a / d x_c| ),   M <- M / max M         (the effective receptive field, Luo et al. 2016, section 3)

    Args:
        gradient: d a / d x, (B, 3, H, W).
    """
    size = gradient.abs().sum(1, keepdim=True)
    levels = pyramids.gaussian(size, min(_LEVELS + 1, pyramids.depth(pyramids.size_of(size))))
    smooth = levels[-1]
    for level in reversed(levels[:-1]):
        smooth = pyramids.expand(smooth, pyramids.size_of(level))
    return smooth / smooth.amax((2, 3), keepdim=True).clamp(min=_LEAST)


def _watch(image: Tensor, rows: Rows, problem: Problem) -> State:
    """The field of every row whose turn it is: from a look of its own, without a random view."""
    due = rows.step % rows.now("field_interval").clamp(min=1).long() == 0
    if not bool(due.any()):  # read back to the host, which saves a look of every network
        return {}
    with torch.enable_grad():
        seen = image.detach().requires_grad_()
        value = objectives.weighted_sum(objectives.term_activations(problem.activations(seen), rows), rows)
        (gradient,) = torch.autograd.grad(value.sum(), seen)
    return {"field": torch.where(due[:, None, None, None], effective_field(gradient), rows.state["field"])}


def _shape(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return inside(gradient, rows.state["field"], rows.now("field_weight"), rows.now("field_threshold"))


def _no_field(problem: Problem, code: Tensor, spec: SynthesisSpec) -> State:
    return {"field": torch.zeros(1, 1, *problem.prior.size, device=code.device)}


RECEPTIVE_FIELD = Part(
    "receptive-field",
    options=(
        Option(
            "field_weight",
            "How far growth is held inside the units' effective receptive field (Luo et al. 2016); 1: altogether.",
            0.0,
            1.0,
            0.0,
            switch=True,
        ),
        Option("field_threshold", "Values of the field below this share of its largest count as zero.", 0.0, 1.0, 0.0),
        Option("field_interval", "Steps from one look at the field to the next.", 1.0, 2000.0, 10.0, integer=True),
    ),
    shape=_shape,
    watch=_watch,
    state=_no_field,
)
