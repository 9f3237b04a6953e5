"""The pixels themselves are optimized."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.priors.prior import GREY, Size, normal


class PixelPrior:
    """The code is the image, minus mid-grey, in rows (3, H, W)."""

    options: ClassVar[tuple[Option, ...]] = (
        Option("noise", "Standard deviation of the noise that a picture starts from, where it starts from no image.", 0.0, 10.0, 0.02),
    )

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """Gaussian noise about mid-grey, of standard deviation `noise`."""
        return settings["noise"] * normal(seed, 3 * self.size[0] * self.size[1], self.device)

    def encode(self, image: Tensor) -> Tensor:
        """The image's own pixels."""
        return (image - GREY).flatten(1)

    def image_of(self, code: Tensor) -> Tensor:
        """Code (B, D) as an image (B, 3, H, W) about zero."""
        return code.view(-1, 3, *self.size)

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W)."""
        return self.image_of(code) + GREY
