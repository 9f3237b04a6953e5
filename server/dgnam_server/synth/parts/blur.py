"""Gaussian blur of the picture after a step."""

from typing import cast

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.priors import PixelPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def blur(image: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of image (B, C, H, W) with a standard deviation of sigma (B,) pixels per row; 0 leaves a row as it is.

    Near the border the kernel is cut and weighs what is there, so that nothing leaks in from outside.
    """
    down, across = (_kernel(length, sigma)[:, None] for length in image.shape[2:])
    return down @ image @ across.transpose(2, 3)


def _kernel(length: int, sigma: Tensor) -> Tensor:
    """(B, length, length): the weights of all pixels of a line for each of its pixels; they add up to 1."""
    at = torch.arange(length, device=sigma.device, dtype=sigma.dtype)
    distance = (at[:, None] - at).square()
    weight = (-distance / (2 * sigma.clamp(min=1e-3).square())[:, None, None]).exp()
    return weight / weight.sum(2, keepdim=True)


def _project(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    due = (rows.step + 1) % rows.now("blur_interval").clamp(min=1).long() == 0
    image = cast(PixelPrior, problem.prior).image_of(code)
    return blur(image, torch.where(due, rows.now("blur_sigma"), 0.0)).flatten(1)


BLUR = Part(
    "blur",
    options=(
        Option("blur_sigma", "Standard deviation in pixels of the blur after a step (Yosinski et al. 2015).", 0.0, 32.0, 0.0, switch=True),
        Option(
            "end_blur_sigma",
            "Where that blur ends; it changes linearly: outlines first, detail later.",
            0.0,
            32.0,
            None,
            switch=True,
        ),
        Option("blur_interval", "Steps from one blur to the next.", 1.0, 2000.0, 1.0, integer=True),
    ),
    priors=("pixels",),
    project=_project,
)
