"""What every prior can do: an image parametrisation, which says what is optimized and how it becomes a picture."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from dgnam_server.synth.options import Option

Size = tuple[int, int]
GREY = 0.5


class Prior(Protocol):
    """A code is always a flat row of numbers, (B, D)."""

    @property
    def size(self) -> Size:
        """Height and width of its pictures."""

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """(1, D): where a row starts when nothing else is given."""

    def encode(self, image: Tensor) -> Tensor:
        """Image (B, 3, H, W) in [0, 1] -> the code (B, D) that draws it, as nearly as it can."""

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W) float32 RGB, nominally in [0, 1], not clipped."""


class Parametrisation(Prior, Protocol):
    """A prior without trained weights, of pictures of any size.

    Attributes:
        options: what `random_code` reads.
    """

    options: ClassVar[tuple[Option, ...]]

    def __init__(self, size: Size, device: torch.device) -> None: ...


def normal(seed: int, count: int, device: torch.device) -> Tensor:
    """(1, count) standard normal values.

    Random source: a numpy generator of its own; torch's would look at the seed's lower 32 bits only.
    """
    values = np.random.default_rng(seed).standard_normal((1, count), dtype=np.float32)
    return torch.from_numpy(values).to(device)
