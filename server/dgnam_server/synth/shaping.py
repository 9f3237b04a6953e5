"""What happens to the gradient image between the network and the prior. Nothing here is differentiated."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

DELTA = 1e-12  # of eq. 9: gradients of deep units are small


def normalize(gradient: Tensor, power: Tensor) -> Tensor:
    """`g <- g / (std(g) + delta)` per row (Pan et al. 2017, eq. 9).

    Args:
        gradient: (B, C, H, W).
        power: (B,): 1 as published, 0 leaves the gradient as it is, between is between.
    """
    deviation = gradient.flatten(1).std(1, unbiased=False) + DELTA
    return gradient / (deviation**power)[:, None, None, None]


def activation_map(maps: Tensor, slope: Tensor) -> Tensor:
    """Where in the image the evidence for a target lies, (B, 1, h, w), from 0 to 1 at its strongest.

        w_j = mean_xy d S / d f_j(x, y),   M(x, y) = max(0, sum_j w_j f_j(x, y))      (Grad-CAM, Selvaraju et al. 2017, eq. 1 and 2)

    Behind global average pooling and one linear layer, w_j is that layer's weight but for the constant 1 / (h w), so that this is the
    class activation map of Pan et al. 2017, eq. 10 and 11, itself.

    Args:
        maps: f, (B, J, h, w): the network's last maps, after their ReLU.
        slope: d S / d f, of the same shape.
    """
    weight = slope.mean((2, 3), keepdim=True)
    heat = (weight * maps).sum(1, keepdim=True).clamp(min=0)
    return heat / heat.amax((2, 3), keepdim=True).clamp(min=DELTA)


def inside(gradient: Tensor, heat: Tensor, weight: Tensor, threshold: Tensor) -> Tensor:
    """`g <- g * (1 - w + w M)`: only where the class is does the picture go on growing (Pan et al. 2017, section 3.3).

    Args:
        gradient: (B, C, H, W).
        heat: M, (B, 1, H, W) from 0 to 1; a row without any evidence is left alone.
        weight: w, (B,) from 0 (off) to 1.
        threshold: (B,); smaller values of M count as 0.
    """
    share = weight[:, None, None, None] * (heat.amax((1, 2, 3)) > 0)[:, None, None, None]
    kept = torch.where(heat >= threshold[:, None, None, None], heat, 0.0)
    return gradient * (1 - share + share * kept)


def enlarged(heat: Tensor, size: tuple[int, int]) -> Tensor:
    """A map (B, 1, h, w) at `size`, bilinear (Pan et al. 2017, section 3.3)."""
    return interpolate(heat, size, mode="bilinear", align_corners=False)
