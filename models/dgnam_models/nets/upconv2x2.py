"""The generator of the projected prior: a code of a few places in, 2x2 in the bundled one, drawn by residual up-convolutions."""

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
_ENLARGE = {1: (4, 1, 0), 2: (4, 2, 1), 4: (3, 1, 1)}  # kernel, stride, padding of the deconvolution from so many places a side to it


class UpConv2x2(nn.Module):
    """Code (B, F P P), features of P x P places one after another, -> image (B, 3, S, S), S = 4 * 2^blocks; the last layer is linear.

    P is 1, 2 or 4. A 1x1 convolution first makes the F features fewer. Then the code enters twice, as a map that a deconvolution enlarges
    to 4x4, which keeps what is where, and through two fully connected layers, which see all places together. Each block doubles the size.
    `blurred`: the picture is blurred at the end, so that nothing in it alternates from pixel to pixel: there, speckle and mesh would be.
    """

    def __init__(
        self,
        features: int,
        places: int,
        reduced: int,
        hidden: int,
        channels: Sequence[int],
        grain: int,
        grain_strength: Sequence[float],
        blurred: bool,
        normalized: bool,
        denoiser: nn.Module | None,
    ) -> None:
        super().__init__()
        self.places = places
        self.code_shape = (features * places * places,)
        self.reduce = Normalized(nn.Conv2d(features, reduced, 1), normalized)
        self.dense = nn.ModuleList(
            (
                Normalized(nn.Linear(places * places * reduced, hidden), normalized),
                Normalized(nn.Linear(hidden, _SEED * _SEED * channels[0]), normalized),
            )
        )
        self.enlarge = Normalized(nn.ConvTranspose2d(reduced, channels[0], *_ENLARGE[places]), normalized)
        self.blocks = nn.ModuleList(
            Block(*pair, 2 * _SEED << index, grain, strength, normalized)
            for index, (pair, strength) in enumerate(zip(pairwise(channels), grain_strength, strict=True))
        )
        self.to_image = nn.Conv2d(channels[-1], 3, 3, 1, 1)
        self.blur = Blur(_SEED << len(self.blocks)) if blurred else nn.Identity()
        self.denoiser = denoiser

    def forward(self, code: Tensor) -> Tensor:
        x = leaky_relu(self.reduce(code.unflatten(1, (-1, self.places, self.places))), SLOPE)
        together = x.flatten(1)
        for layer in self.dense[:-1]:
            together = leaky_relu(layer(together), SLOPE)
        x = leaky_relu(self.dense[-1](together).unflatten(1, (-1, _SEED, _SEED)) + self.enlarge(x), SLOPE)
        for block in self.blocks:
            x = block(x)
        image: Tensor = self.blur(self.to_image(x))
        return image


class Block(nn.Module):
    """Features (B, inputs, S / 2, S / 2) -> (B, outputs, S, S): a deconvolution with a blur after it, grain, and a residual convolution."""

    def __init__(self, inputs: int, outputs: int, size: int, grain: int, strength: float, normalized: bool) -> None:
        super().__init__()
        self.up = Normalized(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), normalized, between=Blur(size))
        self.grain = Grain(grain, outputs, size, strength)
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
    places: int = 2,
    reduced: int = 320,
    hidden: int = 1024,
    channels: Sequence[int] = (256, 256, 128, 64, 32),
    grain: int = 8,
    grain_strength: Sequence[float] = (),
    blurred: bool = False,
    normalized: bool = False,
    denoiser: Mapping[str, Any] | None = None,
) -> UpConv2x2:
    """Return the generator.

    Args:
        places: the code's, along a side: 1, 2 or 4.
        channels: of the 4x4 map, then of each block: five of them draw 64 pixels, six 128.
        grain: fixed maps of noise to mix into each block.
        grain_strength: a factor on the noise of each block; with less in the last ones than they were trained with, pictures are calmer.
            Empty: 1 for all.
        blurred: blur the picture at the end.
        denoiser: the arguments of denoiser.py's `build` besides the code's size; None: it has none.
    """
    if places not in _ENLARGE:
        raise ValueError(f"places is {places}; a code has 1, 2 or 4 a side")
    if code % places**2:
        raise ValueError(f"code is {code}; a code of {places}x{places} places has a multiple of {places**2} units")
    blocks = len(channels) - 1
    if grain_strength and len(grain_strength) != blocks:
        raise ValueError(f"grain_strength has {len(grain_strength)} numbers; there are {blocks} blocks")
    own = None if denoiser is None else denoisers.build(code, **denoiser)
    return UpConv2x2(
        code // places**2, places, reduced, hidden, channels, grain, grain_strength or (1.0,) * blocks, blurred, normalized, own
    )
