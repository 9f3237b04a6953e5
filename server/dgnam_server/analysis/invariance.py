"""Invariance (Zeiler & Fergus 2013, section 4.1, fig. 5): what do moving, turning and scaling a picture change in a network?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

Kind = Literal["translation", "rotation", "scale"]
Colour = tuple[float, float, float]
AMOUNTS = 15  # of each kind, by default
FARTHEST = 60 / 224  # default: as a share of the height, up and down
LARGEST = 1.8  # default


@dataclass(frozen=True)
class Change:
    """What is done to a picture about its centre: moved down by `amount` pixels, turned counterclockwise by `amount` degrees, or made
    `amount` times as large.
    """

    kind: Kind
    amount: float

    @property
    def nothing(self) -> bool:
        """Whether it leaves the picture as it is."""
        return self.amount == 1 if self.kind == "scale" else self.amount % 360 == 0 if self.kind == "rotation" else self.amount == 0

    def source(self, size: tuple[int, int]) -> list[list[float]]:
        """Where the pixels come from, (2, 3): what `affine_grid` takes, for pictures of `size` (height, width)."""
        height, width = size
        match self.kind:
            case "translation":
                return [[1, 0, 0], [0, 1, -2 * self.amount / height]]
            case "rotation":
                cosine, sine = math.cos(math.radians(self.amount)), math.sin(math.radians(self.amount))
                return [[cosine, -sine * height / width, 0], [sine * width / height, cosine, 0]]
        return [[1 / self.amount, 0, 0], [0, 1 / self.amount, 0]]


def defaults(height: int) -> tuple[Change, ...]:
    """The amounts of the published figure, for pictures `height` pixels high: whole pixels, degrees and ratios."""
    farthest = round(FARTHEST * height)
    down = [round(farthest * (2 * i / (AMOUNTS - 1) - 1)) for i in range(AMOUNTS)]
    return (
        *(Change("translation", amount) for amount in dict.fromkeys(down)),
        *(Change("rotation", 360 * i / AMOUNTS) for i in range(AMOUNTS)),
        *(Change("scale", 1 + (LARGEST - 1) * i / (AMOUNTS - 1)) for i in range(AMOUNTS)),
    )


def changed(images: Tensor, changes: Sequence[Change | None], colours: Tensor) -> Tensor:
    """Images (B, 3, H, W), each with its change, and its colour (B, 3) beyond the edges; bilinear. None: left as it is, bit for bit."""
    size = images.shape[2], images.shape[3]
    moved = [i for i, change in enumerate(changes) if change is not None and not change.nothing]
    if not moved:
        return images
    theta = torch.tensor([change.source(size) for i in moved if (change := changes[i]) is not None], device=images.device)
    colour = colours[moved, :, None, None]
    grid = affine_grid(theta, [len(moved), 3, *size], align_corners=False)
    found = images.clone()
    found[moved] = grid_sample(images[moved] - colour, grid, align_corners=False) + colour
    return found


def distance(features: Tensor, reference: Tensor) -> float:
    """The Euclidean distance between a layer's features of two pictures, (C, H, W) or (C,) each."""
    return float(torch.linalg.vector_norm(features - reference))


@dataclass(frozen=True, eq=False)
class InvarianceCurves:
    """Fig. 5 of one picture, for `changes` in order.

    Attributes:
        image: the picture as the network saw it, (H, W, 3) float32 RGB.
        class_: the class that was watched; `probability` its probability, `label` the most probable class, of the picture as it is.
        lengths: of each layer's features of the picture as it is.
        distances: (layers, changes) float32.
        probabilities: (changes,) float32; `labels` (changes,) int64: the most probable class.
    """

    image: np.ndarray
    class_: int
    probability: float
    label: int
    lengths: Sequence[float]
    distances: np.ndarray
    probabilities: np.ndarray
    labels: np.ndarray
