"""Penalties: what makes an image unlike a photograph, one number per row. The loop subtracts them, weighted, from what is ascended."""

import torch
from torch import Tensor

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


def total_variation(image: Tensor, exponent: Tensor, size: float = 1.0) -> Tensor:
    """`R = 1 / (H W B^beta) * sum_hwc ( (x[h,w+1]-x[h,w])^2 + (x[h+1,w]-x[h,w])^2 )^(beta/2)`, (B,) (Pan et al. 2017, eq. 6).

    There is no difference beyond the last column and row.

    Args:
        image: (B, C, H, W).
        exponent: beta, (B,); 1 is the paper's.
        size: B, the range of the image's values, which the paper does not name.
    """
    across = torch.zeros_like(image)
    down = torch.zeros_like(image)
    across[..., :-1] = image[..., 1:] - image[..., :-1]
    down[..., :-1, :] = image[..., 1:, :] - image[..., :-1, :]
    power = (across.square() + down.square() + _SMOOTH) ** (exponent / 2)[:, None, None, None]
    return power.sum(1).mean((1, 2)) / size**exponent


def patch_distance(patches: Tensor, nearest: Tensor) -> Tensor:
    """`R = sum_p ||x_p - D_p||^2`, (B,) (Pan et al. 2017, eq. 7).

    Args:
        patches: x_p, (B, P, D), normalized.
        nearest: D_p, of the same shape: the patches of a set of photographs' that are nearest to them; not differentiated.
    """
    return (patches - nearest.detach()).square().sum((1, 2))
