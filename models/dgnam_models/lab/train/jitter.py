"""Jitter: pictures that are compared are moved alike at random, so that no place on a network's grid counts more than another."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def jitter(pictures: tuple[Tensor, ...], shift_px: float, scale: float, degrees: float) -> list[Tensor]:
    """Move, scale and turn every row of `pictures`, each (B, C, H, W), at random within the limits: the same for row b of each of them.

    Layers with a stride see a picture and its neighbour a pixel away differently. A generator that is always compared in one position
    learns a woven pattern in step with that grid, which pleases the encoder and nobody else.

    Random source: torch's own on the processor, which the run seeds at every step.
    """
    rows, _, height, width = pictures[0].shape
    x, y, zoom, turn = torch.rand(4, rows) * 2 - 1
    angle, zoom = turn * math.radians(degrees), 1 + scale * zoom
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    x, y = 2 * shift_px / width * x, 2 * shift_px / height * y
    theta = torch.stack([torch.stack([cos, -sin, x], 1), torch.stack([sin, cos, y], 1)], 1).to(pictures[0].device)  # (B, 2, 3)
    grid = affine_grid(theta, [rows, 1, height, width], align_corners=False)
    return [grid_sample(picture, grid, padding_mode="reflection", align_corners=False) for picture in pictures]
