"""The generator of the projected prior: a code of 2x2 places in, drawn by residual up-convolutions."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu

from dgnam_models.nets import denoiser as denoisers
from dgnam_models.nets._blocks import Normalized
from dgnam_models.nets.upconv import Grain

SLOPE = 0.2
_SEED = 4  # the side of the map that all begins with


class UpConv2x2(nn.Module):
    """Code (B, 4 F), features of 2x2 places one after another, -> image (B, 3, S, S), S = 4 * 2^blocks; the last layer is linear.

    A 1x1 convolution first makes the F features fewer. Then the code enters twice, as a map that a deconvolution enlarges to 4x4, which
    keeps what is where, and through two fully connected layers, which see all places together. Each block doubles the size.
    """

    def __init__(
        self, features: int, reduced: int, hidden: int, channels: Sequence[int], grain: int, normalized: bool, denoiser: nn.Module | None
    ) -> None:
        super().__init__()
        self.code_shape = (4 * features,)
        self.reduce = Normalized(nn.Conv2d(features, reduced, 1), normalized)
        self.dense = nn.ModuleList(
            (
                Normalized(nn.Linear(4 * reduced, hidden), normalized),
                Normalized(nn.Linear(hidden, _SEED * _SEED * channels[0]), normalized),
            )
        )
        self.enlarge = Normalized(nn.ConvTranspose2d(reduced, channels[0], 4, 2, 1), normalized)
        self.blocks = nn.ModuleList(Block(*pair, 2 * _SEED << index, grain, normalized) for index, pair in enumerate(pairwise(channels)))
        self.to_image = nn.Conv2d(channels[-1], 3, 3, 1, 1)
        self.denoiser = denoiser

    def forward(self, code: Tensor) -> Tensor:
        x = leaky_relu(self.reduce(code.unflatten(1, (-1, 2, 2))), SLOPE)
        together = x.flatten(1)
        for layer in self.dense[:-1]:
            together = leaky_relu(layer(together), SLOPE)
        x = leaky_relu(self.dense[-1](together).unflatten(1, (-1, _SEED, _SEED)) + self.enlarge(x), SLOPE)
        for block in self.blocks:
            x = block(x)
        return self.to_image(x)


class Block(nn.Module):
    """Features (B, inputs, S / 2, S / 2) -> (B, outputs, S, S): a deconvolution with a blur after it, grain, and a residual convolution."""

    def __init__(self, inputs: int, outputs: int, size: int, grain: int, normalized: bool) -> None:
        super().__init__()
        self.up = Normalized(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), normalized, between=Blur(size))
        self.grain = Grain(grain, outputs, size)
        self.convolution = Normalized(nn.Conv2d(outputs, outputs, 3, 1, 1), normalized)

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.grain(self.up(x)), SLOPE)
        return leaky_relu(x + self.convolution(x), SLOPE)


class Blur(nn.Module):
    """Filter images (B, C, size, size) with the outer product of (1, 2, 1) / 4; at the border, the mean is over what lies inside.

    What `upconv.binomial` is for, no checkerboard, but for the border: that one repeats the outermost pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25], device="cpu")
        kernel = torch.outer(line, line)[None, None]
        inside = conv2d(torch.ones(1, 1, size, size, device="cpu"), kernel, padding=1)
        self.register_buffer("kernel", kernel, persistent=False)
        self.register_buffer("scale", 1 / inside, persistent=False)
        self.kernel: Tensor
        self.scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        channels = int(x.shape[1])  # a plain number also while an export traces this
        return conv2d(x, self.kernel.expand(channels, 1, 3, 3), padding=1, groups=channels) * self.scale.to(x.dtype)


def build(
    code: int,
    reduced: int = 320,
    hidden: int = 1024,
    channels: Sequence[int] = (256, 256, 128, 64, 32),
    grain: int = 8,
    normalized: bool = False,
    denoiser: Mapping[str, Any] | None = None,
) -> UpConv2x2:
    """Return the generator.

    Args:
        channels: of the 4x4 map, then of each block: five of them draw 64 pixels, six 128.
        grain: fixed maps of noise to mix into each block.
        denoiser: the arguments of denoiser.py's `build` besides the code's size; None: it has none.
    """
    if code % 4:
        raise ValueError(f"code is {code}; a code of 2x2 places has a multiple of 4 units")
    own = None if denoiser is None else denoisers.build(code, **denoiser)
    return UpConv2x2(code // 4, reduced, hidden, channels, grain, normalized, own)
