"""The class activation map: a picture grows only where the class is."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from dgnam_server.synth import objectives
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.priors.prior import Size
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.spec import SynthesisSpec

_LEAST = 1e-12  # keeps a map without evidence at zero


def activation_map(maps: Tensor, slope: Tensor) -> Tensor:
    """Where in the image the evidence for a target lies, (B, 1, h, w), from 0 to 1 at its strongest.

        w_j = mean_xy d S / d f_j(x, y),   M(x, y) = max(0, sum_j w_j f_j(x, y))      (Grad-CAM, Selvaraju et al. 2017, eq. 1 and 2)

    Behind global average pooling and one linear layer, w_j is that layer's weight but for the constant 1 / (h w), so that this is the
    class activation map of Pan et al. 2017, eq. 10 and 11, itself.

    Args:
        maps: f, (B, J, h, w): the network's last maps, after their ReLU.
        slope: d S / d f, of the same shape.
    """
    weight = slope.mean((2, 3), keepdim=True)
    heat = (weight * maps).sum(1, keepdim=True).clamp(min=0)
    return heat / heat.amax((2, 3), keepdim=True).clamp(min=_LEAST)


def inside(gradient: Tensor, heat: Tensor, weight: Tensor, threshold: Tensor) -> Tensor:
    """`g <- g * (1 - w + w M)`: only where the class is does the picture go on growing (Pan et al. 2017, section 3.3).

    Args:
        gradient: (B, C, H, W).
        heat: M, (B, 1, H, W) from 0 to 1; a row without any evidence is left alone.
        weight: w, (B,) from 0 (off) to 1.
        threshold: (B,); smaller values of M count as 0.
    """
    share = weight[:, None, None, None] * (heat.amax((1, 2, 3)) > 0)[:, None, None, None]
    kept = torch.where(heat >= threshold[:, None, None, None], heat, 0.0)
    return gradient * (1 - share + share * kept)


def enlarged(heat: Tensor, size: Size, seen: Size) -> Tensor:
    """A map (B, 1, h, w) of the middle `seen` of a picture of `size`, bilinear (Pan et al. 2017, section 3.3); 0 around it."""
    heat = interpolate(heat, seen, mode="bilinear", align_corners=False)
    top, left = (size[0] - seen[0]) // 2, (size[1] - seen[1]) // 2
    return pad(heat, (left, size[1] - seen[1] - left, top, size[0] - seen[0] - top))


def _watch(image: Tensor, rows: Rows, problem: Problem) -> State:
    """The activation map of every row whose turn it is, in the image's own coordinates: from a look of its own, without a random view."""
    due = rows.step % rows.now("cam_interval").clamp(min=1).long() == 0
    if not bool(due.any()):  # read back to the host, which saves a look of every network
        return {}
    places = (*problem.sources, *problem.maps)
    with torch.enable_grad():
        found = problem.read(image.requires_grad_(), places)
        value = objectives.weighted_sum(objectives.term_activations([found[source] for source in problem.sources], rows), rows)
        slopes = torch.autograd.grad(value.sum(), [found[place] for place in problem.maps])
    heats = [
        enlarged(activation_map(found[place].detach().float(), slope.float()), problem.prior.size, problem.seen(place[0]))
        for place, slope in zip(problem.maps, slopes, strict=True)
    ]
    heat = torch.stack(heats).amax(0)
    return {"heat": torch.where(due[:, None, None, None], heat, rows.state["heat"])}


def _shape(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return inside(gradient, rows.state["heat"], rows.now("cam_weight"), rows.now("cam_threshold"))


def _no_heat(problem: Problem, code: Tensor, spec: SynthesisSpec) -> State:
    return {"heat": torch.zeros(1, 1, *problem.prior.size, device=code.device)}


ACTIVATION_MAP = Part(
    "activation-map",
    options=(
        Option(
            "cam_weight",
            "How far growth is held inside the class activation map (Pan et al. 2017, eq. 11); 1: altogether.",
            0.0,
            1.0,
            0.0,
            switch=True,
        ),
        Option("end_cam_weight", "Where that weight ends; it changes linearly.", 0.0, 1.0, None, switch=True),
        Option("cam_threshold", "Values of the map below this share of its largest count as zero.", 0.0, 1.0, 0.0),
        Option("cam_interval", "Steps from one making of the map to the next.", 1.0, 2000.0, 10.0, integer=True),
    ),
    shape=_shape,
    watch=_watch,
    state=_no_heat,
)
