"""The gradient divided by its standard deviation."""

from torch import Tensor

from dgnam_server.synth.deviation import deviation
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows

DELTA = 1e-12  # gradients of deep units are small


def normalize(gradient: Tensor, power: Tensor) -> Tensor:
    """`g <- g / (std(g) + delta)` per row (Pan et al. 2017, eq. 9).

    Args:
        gradient: (B, C, H, W).
        power: (B,): 1 as published, 0 leaves the gradient as it is, between is between.
    """
    spread = deviation(gradient) + DELTA
    return gradient / (spread**power)[:, None, None, None]


def _shape(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return normalize(gradient, rows.now("gradient_normalization"))


NORMALIZATION = Part(
    "normalization",
    options=(
        Option(
            "gradient_normalization",
            "1: gradients are divided by their standard deviation (Pan et al. 2017, eq. 9); 0: they are not.",
            0.0,
            1.0,
            0.0,
            switch=True,
        ),
    ),
    shape=_shape,
)
