"""Gaussian pyramids of image batches (Burt & Adelson 1983).

Reducing averages with the binomial kernel 1 3 3 1 and keeps every other pixel; expanding is bilinear, which is the same kernel again.
A kernel of even length keeps the two grids centred on each other. The paper does not name its kernel.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

Size = tuple[int, int]


def depth(size: Size) -> int:
    """How many levels a pyramid of an image of `size` (height, width) can have: the last is at least 2 pixels wide."""
    return max(1, min(size).bit_length() - 1)


def reduce(image: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H // 2, W // 2): smoothed, every other pixel kept; border pixels are repeated outwards."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=image.dtype, device=image.device) / 8
    kernel = (line[:, None] * line)[None, None].expand(image.shape[1], 1, 4, 4)
    return conv2d(pad(image, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=image.shape[1])


def expand(image: Tensor, size: Size) -> Tensor:
    """(B, C, h, w) -> (B, C, *size), bilinear."""
    return interpolate(image, size, mode="bilinear", align_corners=False)


def gaussian(image: Tensor, levels: int) -> list[Tensor]:
    """`GP_1 = image, GP_{k+1} = reduce(GP_k)` (Pan et al. 2017, section 3.1, fig. 1); every level is half the size of the one before."""
    found = [image]
    while len(found) < levels:
        found.append(reduce(found[-1]))
    return found


def size_of(image: Tensor) -> Size:
    """Height and width."""
    return image.shape[2], image.shape[3]
