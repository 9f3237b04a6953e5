"""What keeps a code where photographs, or photographs' codes, are."""

import torch
from torch import Tensor


def clip(code: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """`min(max(code, lower), upper)` per unit, (B, D) (Nguyen et al. 2016, section 2.2, where lower is 0)."""
    return code.maximum(lower).minimum(upper)


def drawn(code: Tensor, weight: Tensor, difference: Tensor) -> Tensor:
    """`code + weight * (R(h) - h)`, (B, D): towards what an autoencoder R makes of the code h, and so up the slope of the logarithm of the
    codes' density (Alain & Bengio 2014, the first term of PPGN's step, Nguyen et al. 2017, section 2).

    Args:
        code: (B, D), h after whatever else moved it.
        weight: (B,).
        difference: (B, D), R(h) - h.
    """
    return code + weight[:, None] * difference


def shrink(code: Tensor, decay: Tensor) -> Tensor:
    """`code * (1 - decay)`, (B, D): the L2 penalty as the released script implements it (0.99 at its default)."""
    return code * (1 - decay)[:, None]


def clip_small_norms(image: Tensor, share: Tensor) -> Tensor:
    """Pixels whose norm over the channels is among the smallest `share` of their row's become 0 (Yosinski et al. 2015, section 3).

    Args:
        image: (B, C, H, W), centred on zero.
        share: (B,) from 0 to 1.
    """
    norm = image.square().sum(1).flatten(1)  # (B, H W)
    count = norm.shape[1]
    rank = (share * count).long().clamp(max=count - 1)[:, None]
    least = norm.sort(1).values.gather(1, rank)
    return torch.where((norm >= least).view(len(image), 1, *image.shape[2:]), image, 0.0)
