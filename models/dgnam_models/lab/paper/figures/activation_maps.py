"""Growth held inside the class activation map, or not: does one object grow instead of several (Pan et al. 2017, fig. 5)?"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import JUDGES, Figure, Study, agreement, classes, opinions, sheet, spread
from dgnam_models.network import Network

NETWORK = "inception64"  # has global average pooling, so that the map is the published one
METHOD = "pyramid"
# The published figure does not tell its threshold; at these sizes the map covers nearly everything without one.
WAYS: dict[str, dict[str, float]] = {"off": {}, "on": {"cam_weight": 1.0}, "on above 0.75": {"cam_weight": 1.0, "cam_threshold": 0.75}}


def draw(study: Study) -> Figure:
    """For each way a row of pictures above a row of their class activation maps.

    Numbers: the share of the gradient's energy inside the map, which is where it reaches half its height; the number of separate
    centres, which are the map's peaks of at least that height; the map's own share of the picture; and another network's agreement.
    """
    network, judge = study.network(NETWORK), study.network(JUDGES[-1])
    names = spread(network.card.labels, study.units)
    units = torch.tensor([network.card.labels.index(name) for name in names])
    numbers: dict[str, Any] = {"pictures": len(names)}
    rows = []
    for way, options in WAYS.items():
        drawn = study.draw_pixels(classes(network, names), f"map {way}", METHOD, **options)
        heat, gradient = evidence(network, drawn.images, units)
        enlarged = interpolate(heat, drawn.images.shape[2:], mode="bilinear")
        shares, peaks = energy_inside(gradient, enlarged), centres(heat)
        numbers[way] = {
            "gradient energy inside": round(shares.mean().item(), 3),
            "area inside": round((enlarged >= 0.5).float().mean().item(), 3),
            "centres": round(peaks.float().mean().item(), 2),
            "activation": round(drawn.activations.mean().item(), 2),
            judge.name: agreement(opinions(judge, drawn.images), names),
        }
        rows.append(
            (as_pil(drawn.images), [[name, f"map {way}", f"activation {a:.3g}"] for name, a in zip(names, drawn.activations, strict=True)])
        )
        lines = [
            [f"{peak} centres" if peak != 1 else "1 centre", f"{share:.0%} of the gradient inside"]
            for peak, share in zip(peaks.tolist(), shares, strict=True)
        ]
        rows.append((as_pil(enlarged.expand(-1, 3, -1, -1)), lines))
    return Figure(sheet(rows, f"{NETWORK}: growth held inside the class activation map, or not"), numbers)


def evidence(network: Network, images: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """The class activation map `M = max(0, sum_j w_j f_j)` of each image, w_j what its class gains by more of the last maps' channel j
    (Pan et al. 2017, eq. 11), from 0 to 1, (N, 1, h, w); and the gradient of the class at the image, (N, 3, H, W).

    Args:
        images: (N, 3, H, W), as large as the network takes them.
        units: (N,), the class of each.
    """
    tap = [tap.name for tap in network.card.taps if len(tap.shape) == 3][-1]
    images = images.clone().requires_grad_()
    with torch.enable_grad():
        found = network.activations(images, [tap, network.card.output_tap])
        score = found[network.card.output_tap].gather(1, units[:, None]).sum()
        gain, gradient = torch.autograd.grad(score, [found[tap], images])
    heat = (gain.mean((2, 3), keepdim=True) * found[tap].detach()).sum(1, keepdim=True).clamp(min=0)
    return heat / heat.amax((2, 3), keepdim=True).clamp(min=1e-12), gradient


def energy_inside(gradient: Tensor, heat: Tensor) -> Tensor:
    """The share of each gradient's (N, 3, H, W) energy where heat (N, 1, H, W) is at least 0.5, (N,)."""
    energy = gradient.square().sum(1, keepdim=True)
    return (energy * (heat >= 0.5)).sum((1, 2, 3)) / energy.sum((1, 2, 3)).clamp(min=1e-12)


def centres(heat: Tensor) -> Tensor:
    """How many places of each map (N, 1, h, w) are at least 0.5 and no neighbour is higher, (N,)."""
    return ((heat == max_pool2d(heat, 3, 1, 1)) & (heat >= 0.5)).sum((1, 2, 3))
