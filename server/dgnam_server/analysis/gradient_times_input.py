"""Gradient times input (Shrikumar et al. 2016): how much of an activation each pixel accounts for, to first order."""

from torch import Tensor

from dgnam_server.analysis.attribution import Attribution, Seen


def finish(seen: Seen) -> Tensor:
    """`(x - x_0) dS / dx`, x_0 the picture whose network input is zero, so that the scale of pixels does not matter."""
    return (seen.image - seen.zero) * seen.signal


GRADIENT_TIMES_INPUT = Attribution(
    "gradient-times-input",
    "The gradient by each pixel times the pixel, counted from the mean that the network subtracts",
    "Shrikumar et al. 2016, Not Just a Black Box, arXiv 1605.01713",
    drawn="evidence",
    finish=finish,
)
