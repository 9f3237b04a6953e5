"""The spatial pyramid of the gradient, its levels brought to one size."""

import torch
from torch import Tensor

from dgnam_server.synth import pyramids
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def balanced(gradient: Tensor, laplacian_weight: Tensor, gaussian_weight: Tensor, levels: Tensor) -> Tensor:
    """The spatial pyramid of a gradient image (Pan et al. 2017, eq. 8):

        r = sum_{k=1..K} [ w_L LP_k / std(LP_k) + w_G GP_k / std(GP_k) ],   every part expanded to full size

    with `LP_k = GP_k - expand(GP_{k+1})`, and `LP_K = GP_K`, what is left (section 3.1, fig. 1). Bringing the bands to one size raises the
    low frequencies, of which a gradient has little. The Gaussian levels add up to an image whose energy falls with frequency, as
    photographs' does. The paper gives neither the sizes nor the weights; both are 1 in its eq. 8.

    Args:
        gradient: (B, C, H, W).
        laplacian_weight, gaussian_weight: (B,).
        levels: (B,), K of each row; more than the image has room for count as what it has room for.
    """
    most = pyramids.depth(pyramids.size_of(gradient))
    levels = levels.clamp(1, most)
    gaussian = pyramids.gaussian(gradient, most)
    result = torch.zeros_like(gaussian[-1])
    for k in reversed(range(most)):
        level = gaussian[k]
        size = pyramids.size_of(level)
        result = pyramids.expand(result, size) if result.shape != level.shape else result
        inside, last = _column(levels > k + 1), _column(levels == k + 1)
        band = level - pyramids.expand(gaussian[k + 1], size) if k + 1 < most else level
        band = torch.where(inside, band, torch.where(last, level, 0.0))
        steered = torch.where(inside | last, level, 0.0)
        result = result + _column(laplacian_weight) * unit_size(band) + _column(gaussian_weight) * unit_size(steered)
    return result


def unit_size(image: Tensor, floor: float = 1e-12) -> Tensor:
    """Each row of (B, C, H, W) divided by the standard deviation of its values; a flat one stays as it is."""
    deviation = image.flatten(1).std(1, unbiased=False)
    return image / _column(torch.where(deviation > floor, deviation, 1.0))


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _shape(gradient: Tensor, rows: Rows, problem: Problem) -> Tensor:
    laplacian, gaussian = rows.now("laplacian_weight"), rows.now("gaussian_weight")
    shaped = balanced(gradient, laplacian, gaussian, rows.now("levels"))
    return torch.where(_column((laplacian == 0) & (gaussian == 0)), gradient, shaped)


PYRAMID = Part(
    "pyramid",
    options=(
        Option(
            "laplacian_weight",
            "Weight of the gradient's Laplacian bands, each brought to one size (Pan et al. 2017, eq. 8).",
            0.0,
            100.0,
            0.0,
            switch=True,
        ),
        Option("end_laplacian_weight", "Where that weight ends; it changes linearly.", 0.0, 100.0, None, switch=True),
        Option(
            "gaussian_weight",
            "Weight of the gradient's Gaussian levels, each brought to one size (Pan et al. 2017, eq. 8).",
            0.0,
            100.0,
            0.0,
            switch=True,
        ),
        Option("end_gaussian_weight", "Where that weight ends; it changes linearly.", 0.0, 100.0, None, switch=True),
        Option("levels", "Levels of the pyramids, at most as many as the picture has room for.", 1.0, 12.0, 4.0, integer=True),
    ),
    shape=_shape,
)
