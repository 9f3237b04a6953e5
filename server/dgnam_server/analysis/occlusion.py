"""Occlusion (Zeiler & Fergus 2013, section 4.2): a grey square slides over the picture; what does the network no longer see?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CELLS = 16  # default: so many squares beside each other
SQUARES = 4.5  # default: a square's side is the picture's over this, about 50 of 224 pixels


@dataclass(frozen=True)
class Square:
    """What covers the picture: `size` and `stride` in pixels, `colour` RGB in [0, 1]."""

    size: int
    stride: int
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the map for a picture of `size` (height, width): a cell for each `stride` pixels begun."""
        return -(-size[0] // self.stride), -(-size[1] // self.stride)

    def box(self, cell: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of the square over the middle of a cell (row, column), cut off where the picture ends."""
        first = [int(i * self.stride + (self.stride - self.size) / 2) for i in cell]
        return max(first[0], 0), max(first[1], 0), min(first[0] + self.size, size[0]), min(first[1] + self.size, size[1])


def covered(images: Tensor, boxes: Sequence[tuple[int, int, int, int] | None], colours: Tensor) -> Tensor:
    """Images (B, 3, H, W) with box (top, left, bottom, right) of each in its colour (B, 3); None: left as it is."""
    images = images.clone()
    for image, box, colour in zip(images, boxes, colours, strict=True):
        if box is not None:
            image[:, box[0] : box[2], box[1] : box[3]] = colour[:, None, None]
    return images


def totals(tap: Tensor) -> Tensor:
    """The summed activation of each feature map after rectification, (B, C); tap (B, C, H, W), or (B, C), which is rectified alone."""
    rectified = tap.clamp(min=0)
    return rectified.sum((2, 3)) if rectified.ndim == 4 else rectified


def probabilities(logits: Tensor) -> Tensor:
    """Softmax over the classes, (B, classes)."""
    return torch.softmax(logits.float(), 1)


@dataclass(frozen=True, eq=False)
class OcclusionMaps:
    """Fig. 7 of one picture. Maps are (rows, columns), a cell for each place of the square.

    Attributes:
        image: the picture as the network saw it, (H, W, 3) float32 RGB.
        unit: the feature map that was watched; `class_`: the class.
        activation, probability, label: what the uncovered picture gives.
        activations: the feature map's summed activation.
        probabilities: the class's probability.
        labels: the most probable class, int64.
    """

    image: np.ndarray
    unit: int
    class_: int
    activation: float
    probability: float
    label: int
    activations: np.ndarray
    probabilities: np.ndarray
    labels: np.ndarray
