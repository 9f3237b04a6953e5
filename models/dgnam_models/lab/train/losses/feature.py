"""How far a drawn picture is from the photograph in the eyes of a network."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import mse_loss


def feature_error(drawn: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """`mean over taps of ||C(drawn) - C(real)||^2 / ||C(real)||^2` (Dosovitskiy & Brox 2016, eq. 3, each layer relative to its own energy).

    The source compares one layer; several layers, none of which may dominate by its scale, hold layout as well as texture.
    """
    errors = [mse_loss(drawn[tap], real[tap]) / real[tap].square().mean().clamp_min(1e-8) for tap in real]
    return torch.stack(errors).mean()
