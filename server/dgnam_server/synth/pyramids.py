"""Gaussian and Laplacian pyramids of image batches (Burt & Adelson 1983), and Gaussian blur. Every row may have other settings.

Reducing averages with the binomial kernel 1 3 3 1 and keeps every other pixel; expanding is bilinear, which is the same kernel again.
A kernel of even length keeps the two grids centred on each other. The paper does not name its kernel.
"""

from collections.abc import Sequence
from itertools import pairwise

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
    parts = [image]
    while len(parts) < levels:
        parts.append(reduce(parts[-1]))
    return parts


def laplacian(image: Tensor, levels: int) -> list[Tensor]:
    """`LP_k = GP_k - expand(GP_{k+1})`, and `LP_K = GP_K`, what is left (Pan et al. 2017, section 3.1, fig. 1)."""
    parts = gaussian(image, levels)
    bands = [fine - expand(coarse, _size(fine)) for fine, coarse in pairwise(parts)]
    return [*bands, parts[-1]]


def total(parts: Sequence[Tensor]) -> Tensor:
    """The sum of a pyramid's parts, coarse to fine, at full size; a Laplacian pyramid gives its image back."""
    image = parts[-1]
    for part in reversed(parts[:-1]):
        image = part + expand(image, _size(part))
    return image


def balanced(gradient: Tensor, laplacian_weight: Tensor, gaussian_weight: Tensor, levels: Tensor) -> Tensor:
    """The spatial pyramid of a gradient image (Pan et al. 2017, eq. 8):

        r = sum_{k=1..K} [ w_L LP_k / std(LP_k) + w_G GP_k / std(GP_k) ],   every part expanded to full size

    Bringing the bands to one size raises the low frequencies, of which a gradient has little. The Gaussian levels add up to an image whose
    energy falls with frequency, as photographs' does. The paper gives neither the sizes nor the weights; both are 1 in its eq. 8.

    Args:
        gradient: (B, C, H, W).
        laplacian_weight, gaussian_weight: (B,).
        levels: (B,), K of each row; more than the image has room for count as what it has room for.
    """
    most = depth(_size(gradient))
    levels = levels.clamp(1, most)
    parts = gaussian(gradient, most)
    result = torch.zeros_like(parts[-1])
    for k in reversed(range(most)):
        level = parts[k]
        result = expand(result, _size(level)) if result.shape != level.shape else result
        inside, last = _column(levels > k + 1), _column(levels == k + 1)
        band = level - expand(parts[k + 1], _size(level)) if k + 1 < most else level
        band = torch.where(inside, band, torch.where(last, level, 0.0))
        steered = torch.where(inside | last, level, 0.0)
        result = result + _column(laplacian_weight) * unit_size(band) + _column(gaussian_weight) * unit_size(steered)
    return result


def coarse(gradient: Tensor, level: Tensor) -> Tensor:
    """Each row's gradient (B, C, H, W) as seen by an image of 2^-level the resolution, level (B,) whole numbers.

    Ascending with it is ascending over the pixels of the smaller image c with x = expand(c), whose gradient is reduce(dx) but for a
    constant; so coarse-to-fine rows and others share a batch.
    """
    most = depth(_size(gradient))
    level = level.clamp(max=most - 1)
    parts = gaussian(gradient, most)
    result = torch.zeros_like(parts[-1])
    for k in reversed(range(most)):
        result = expand(result, _size(parts[k])) if result.shape != parts[k].shape else result
        result = torch.where(_column(level == k), parts[k], result)
    return result


def blur(image: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of image (B, C, H, W) with a standard deviation of sigma (B,) pixels per row; 0 leaves a row as it is.

    Near the border the kernel is cut and weighs what is there, so that nothing leaks in from outside.
    """
    down, across = (_kernel(length, sigma)[:, None] for length in _size(image))
    return down @ image @ across.transpose(2, 3)


def unit_size(image: Tensor, floor: float = 1e-12) -> Tensor:
    """Each row of (B, C, H, W) divided by the standard deviation of its values; a flat one stays as it is."""
    deviation = image.flatten(1).std(1, unbiased=False)
    return image / _column(torch.where(deviation > floor, deviation, 1.0))


def _kernel(length: int, sigma: Tensor) -> Tensor:
    """(B, length, length): the weights of all pixels of a line for each of its pixels; they add up to 1."""
    at = torch.arange(length, device=sigma.device, dtype=sigma.dtype)
    distance = (at[:, None] - at).square()
    weight = (-distance / (2 * sigma.clamp(min=1e-3).square())[:, None, None]).exp()
    return weight / weight.sum(2, keepdim=True)


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _size(image: Tensor) -> Size:
    return image.shape[2], image.shape[3]
