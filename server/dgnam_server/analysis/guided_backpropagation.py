"""Guided backpropagation (Springenberg et al. 2015): the gradient, rectified at every activation function on its way."""

from torch import Tensor

from dgnam_server.analysis.attribution import Attribution
from dgnam_server.analysis.rules import Rule


def passes(signal: Tensor, slope: Tensor, rectifier: bool) -> Tensor:
    """`r_below = max(r_above, 0) max(f'(x), 0)`; of a ReLU `max(r_above, 0)` where its input was positive (their equation in fig. 1)."""
    return signal.clamp(min=0) * slope.clamp(min=0)


GUIDED_BACKPROPAGATION = Attribution(
    "guided-backpropagation",
    "The gradient, of which every activation function passes only what is positive from above and was active in the picture",
    "Springenberg et al. 2015, Striving for Simplicity, arXiv 1412.6806",
    drawn="colours",
    rule=Rule(passes),
)
