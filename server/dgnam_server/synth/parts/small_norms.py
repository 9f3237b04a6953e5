"""Pixels of small norm become grey."""

from typing import cast

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.priors import PixelPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


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


def _project(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    image = cast(PixelPrior, problem.prior).image_of(code)
    return clip_small_norms(image, rows.now("small_norm_share")).flatten(1)


SMALL_NORMS = Part(
    "small-norms",
    options=(
        Option(
            "small_norm_share",
            "At each step this share of the pixels, the faintest, becomes grey (Yosinski et al. 2015).",
            0.0,
            1.0,
            0.0,
            switch=True,
        ),
    ),
    priors=("pixels",),
    project=_project,
)
