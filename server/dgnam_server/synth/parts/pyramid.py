"""The spatial pyramid of the gradient, its levels brought to one size."""

import torch
from torch import Tensor

from dgnam_server.synth import pyramids
from dgnam_server.synth.deviation import deviation
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
    most = pyramids.deepest(levels, pyramids.size_of(gradient))
    levels = levels.clamp(1, most)
    gaussian = pyramids.gaussian(gradient, most)
    result = torch.zeros_like(gaussian[-1])
    for k in reversed(range(most)):
        level, reached, inside = gaussian[k], (levels > k).to(gradient.dtype), (levels > k + 1).to(gradient.dtype)
        result, band = pyramids.expand(result, pyramids.size_of(level)), level
        if k + 1 < most:
            band = torch.addcmul(level, pyramids.expand(gaussian[k + 1], pyramids.size_of(level)), _column(inside), value=-1)
        result = torch.addcmul(result, band, _column(reached * laplacian_weight / unit_size(band)))
        result = torch.addcmul(result, level, _column(reached * gaussian_weight / unit_size(level)))
    return result


def unit_size(image: Tensor, floor: float = 1e-12) -> Tensor:
    """What each row of (B, C, H, W) is divided by, (B,): the standard deviation of its values; 1 of a flat one, which stays as it is."""
    spread = deviation(image)
    return torch.where(spread > floor, spread, 1.0)


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
