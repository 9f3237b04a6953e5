"""How far a drawn picture is from the photograph in the directions of a network's features, place by place."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

SCALE = 32  # brings four taps of EfficientNet-Lite0 to about 1 for pictures that have nothing in common


def direction_error(drawn: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """`1/32 sum over taps of mean over places of || u(drawn) - u(real) ||_1`, u = f / |f| for features f (B, C, H, W), a tensor a tap.

    Unit length as in Zhang et al. 2018 (arXiv 1801.03924, eq. 1); their squared distance is an L1 here, which forgives single features that
    are far off and so blurs less.
    """
    errors = [(normalize(a, dim=1) - normalize(b, dim=1)).abs().sum(1).mean() for a, b in zip(drawn, real, strict=True)]
    return torch.stack(errors).sum() / SCALE
