"""The total variation penalty, which smooths."""

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows

_SMOOTH = 1e-8  # keeps a root's slope finite at zero


def total_variation(image: Tensor, exponent: Tensor) -> Tensor:
    """`R = 1 / (H W) * sum_hwc ( (x[h,w+1]-x[h,w])^2 + (x[h+1,w]-x[h,w])^2 )^(beta/2)`, (B,) (Pan et al. 2017, eq. 6).

    There is no difference beyond the last column and row. The paper divides by B^beta too, B the range of the values, which is 1 here.

    Args:
        image: (B, C, H, W).
        exponent: beta, (B,); 1 is the paper's.
    """
    across = torch.zeros_like(image)
    down = torch.zeros_like(image)
    across[..., :-1] = image[..., 1:] - image[..., :-1]
    down[..., :-1, :] = image[..., 1:, :] - image[..., :-1, :]
    power = (across.square() + down.square() + _SMOOTH) ** (exponent / 2)[:, None, None, None]
    return power.sum(1).mean((1, 2))


def _penalty(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    """The sum in place of the published mean: gradients have the size 1 per pixel, and so a weight means the same at every image size."""
    return rows.now("tv_weight") * image[0].numel() * total_variation(image, rows.now("tv_exponent"))


TOTAL_VARIATION = Part(
    "total-variation",
    options=(
        Option(
            "tv_weight", "Weight of the total variation penalty (Pan et al. 2017, eq. 6), which smooths.", 0.0, 1000.0, 0.0, switch=True
        ),
        Option("end_tv_weight", "Where that weight ends; it changes linearly.", 0.0, 1000.0, None, switch=True),
        Option("tv_exponent", "The beta of total variation; 1 lets edges be sharp.", 0.5, 4.0, 1.0),
        Option("end_tv_exponent", "Where beta ends; it changes linearly.", 0.5, 4.0, None),
    ),
    penalty=_penalty,
)
