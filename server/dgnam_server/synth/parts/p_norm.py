"""The p-norm penalty, which holds back extreme values."""

from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows

_SMOOTH = 1e-8  # keeps a root's slope finite at zero


def p_norm(image: Tensor, exponent: Tensor) -> Tensor:
    """`R = 1 / (H W C^p) * sum_hw ( sum_c x^2 )^(p/2)`, (B,) (Pan et al. 2017, eq. 5; Mahendran & Vedaldi 2016).

    Args:
        image: (B, C, H, W), centred on zero, at most about 1 in size.
        exponent: p, (B,).
    """
    channels = image.shape[1]
    energy = image.square().sum(1) + _SMOOTH  # (B, H, W)
    power = energy ** (exponent / 2)[:, None, None]
    return power.mean((1, 2)) / channels**exponent


def _penalty(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
    """The sum in place of the published mean: gradients have the size 1 per pixel, and so a weight means the same at every image size."""
    return rows.now("p_norm_weight") * image[0].numel() * p_norm(2 * image - 1, rows.now("p_norm_exponent"))


P_NORM = Part(
    "p-norm",
    options=(
        Option(
            "p_norm_weight",
            "Weight of the p-norm penalty (Pan et al. 2017, eq. 5), which holds back extreme values.",
            0.0,
            1000.0,
            0.0,
            switch=True,
        ),
        Option("end_p_norm_weight", "Where that weight ends; it changes linearly.", 0.0, 1000.0, None, switch=True),
        Option("p_norm_exponent", "The p of the p-norm.", 1.0, 20.0, 2.0),
    ),
    penalty=_penalty,
)
