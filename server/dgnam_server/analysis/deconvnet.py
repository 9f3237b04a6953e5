"""The deconvnet (Zeiler & Fergus 2013, section 2.1): one activation, down to the pixels through the same network the other way round."""

from torch import Tensor

from dgnam_server.analysis.attribution import Attribution
from dgnam_server.analysis.rules import Rule


def passes(signal: Tensor, slope: Tensor, rectifier: bool) -> Tensor:
    """Unpool, rectify, filter: the activation function's part is to rectify what comes down.

    r_below = max(r_above, 0)                        a rectifier: ReLU, ReLU6
    r_below = max(r_above, 0) where f'(x) > 0        any other activation function f, which the source does not have
    """
    return signal.clamp(min=0) if rectifier else signal.clamp(min=0) * (slope > 0)


DECONVNET = Attribution(
    "deconvnet",
    "One activation sent back to the pixels: unpooled by the switches, rectified, filtered with the transposed kernels",
    "Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks, arXiv 1311.2901",
    drawn="colours",
    rule=Rule(passes, ignores_normalization=True),
    begins_with_activation=True,
)
