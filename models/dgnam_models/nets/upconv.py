"""The up-convolutional generator of Dosovitskiy & Brox 2016 (arXiv 1602.02644, table 7) in small, for 64x64 images."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from dgnam_models.nets import denoiser as denoisers
from dgnam_models.nets._blocks import Linear, Normalized


class UpConv(nn.Module):
    """Code (B, D) -> image (B, 3, H, W): two fully connected layers, then 4x4 stride-2 deconvolutions, a 3x3 convolution after each.

    With `hidden` 0 the code is that of a convolutional layer, (D / 16, 4, 4) flattened, and two 3x3 convolutions stand in for the
    fully connected layers, so that every place of the map draws its own part of the picture (the source's generators for conv layers).

    Leaky ReLU with slope 0.3 after every layer but the last, as in the source. The last layer is linear: its range is the card's.
    Two things the source has not: with `smooth`, a fixed binomial filter follows each deconvolution, and with `grain`, so many fixed maps
    of noise are mixed in there, with learned weights. `denoiser`, where it is there, knows what codes photographs have; it draws nothing.
    """

    def __init__(
        self,
        code: int,
        hidden: int,
        seed_channels: int,
        channels: Sequence[int],
        smooth: bool,
        grain: int,
        normalized: bool,
        denoiser: denoisers.Denoiser | None,
    ) -> None:
        super().__init__()
        self.code_shape = (code,)
        self.smooth = smooth
        self.convolutional = not hidden
        first: list[Linear]
        if self.convolutional:
            first = [nn.Conv2d(code // 16, seed_channels, 3, 1, 1), nn.Conv2d(seed_channels, seed_channels, 3, 1, 1)]
        else:
            first = [nn.Linear(code, hidden), nn.Linear(hidden, 16 * seed_channels)]
        self.dense = nn.ModuleList(Normalized(layer, normalized) for layer in first)
        self.up = nn.ModuleList()
        self.grain = nn.ModuleList(Grain(grain, outputs, 8 << index) for index, outputs in enumerate(channels) if grain)
        width = seed_channels
        for index, outputs in enumerate(channels):
            self.up.append(Normalized(nn.ConvTranspose2d(width, outputs, 4, 2, 1), normalized))
            if index < len(channels) - 1:
                self.up.append(Normalized(nn.Conv2d(outputs, outputs, 3, 1, 1), normalized))
            width = outputs
        self.to_image = nn.Conv2d(width, 3, 3, 1, 1)
        self.denoiser = denoiser

    def forward(self, code: Tensor) -> Tensor:
        x = code.unflatten(1, (-1, 4, 4)) if self.convolutional else code
        for layer in self.dense:
            x = nn.functional.leaky_relu(layer(x), 0.3)
        if not self.convolutional:
            x = x.unflatten(1, (-1, 4, 4))
        for index, layer in enumerate(self.up):
            x = layer(x)
            if index % 2 == 0:
                x = binomial(x) if self.smooth else x
                x = self.grain[index // 2](x) if self.grain else x
            x = nn.functional.leaky_relu(x, 0.3)
        return self.to_image(x)


class Grain(nn.Module):
    """Add fixed maps of white noise (M, S, S), mixed by learned weights (C, M), to features (B, C, S, S).

    Convolutions alone can only repeat a texture in step with the grid they grow from. Noise lets them draw it irregularly (Karras et al.
    2019, arXiv 1812.04948, section 3.2); it is fixed here, so that a code has one picture. `strength` is a factor on all of it.
    """

    def __init__(self, maps: int, channels: int, size: int, strength: float = 1.0) -> None:
        super().__init__()
        self.strength = strength
        random = torch.Generator().manual_seed(size)
        self.register_buffer("noise", torch.randn(maps, size, size, generator=random, device="cpu"))
        self.noise: Tensor
        # On the processor, too, where the rest is an outline: random numbers without memory make PyTorch import its compiler, for seconds.
        self.weight = nn.Parameter(0.05 * torch.randn(channels, maps, device="cpu"))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mixed().to(x.dtype)

    def mixed(self) -> Tensor:
        """The maps for each channel, (C, S, S)."""
        return self.strength * torch.einsum("cm,mhw->chw", self.weight, self.noise)


def binomial(x: Tensor) -> Tensor:
    """Filter images (B, C, H, W) with the outer product of (1, 2, 1) / 4; beyond the border the outermost pixels repeat.

    Its response at a period of two pixels is zero, so a deconvolution cannot leave a checkerboard (Zhang 2019,
    arXiv 1904.11486; Karras et al. 2019, arXiv 1812.04948, appendix C).
    """
    line = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
    channels = int(x.shape[1])  # a plain number also while an export traces this
    kernel = torch.outer(line, line).expand(channels, 1, 3, 3)
    return conv2d(pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=channels)


def build(
    code: int,
    hidden: int = 1024,
    seed_channels: int = 96,
    channels: Sequence[int] = (192, 112, 64, 32),
    smooth: bool = False,
    grain: int = 0,
    normalized: bool = False,
    denoiser: Mapping[str, Any] | None = None,
) -> UpConv:
    """Return the generator; each entry of `channels` doubles the size, starting from 4x4.

    Args:
        denoiser: the arguments of denoiser.py's `build` besides the code's size; None: it has none.
    """
    own = None if denoiser is None else denoisers.build(code, **denoiser)
    return UpConv(code, hidden, seed_channels, channels, smooth, grain, normalized, own)
