"""The critic of projected training (Sauer et al. 2021, arXiv 2111.01007): small heads on the features of a frozen network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2
_SEED = 0  # of the mixing, which every run has alike: heads that were trained elsewhere stay right


@dataclass(frozen=True)
class Shape:
    """What the critic is made of."""

    code: int  # units
    channels: tuple[int, ...]  # of the features at each tap, from fine to coarse
    halvings: tuple[int, ...]  # by each tap's head
    width: int  # of these heads, and of the features after mixing
    fine_channels: int  # of the finest tap, which is judged unmixed
    fine_width: int
    pixel_width: int = 0  # of the head that sees the pictures themselves; 0: there is none


class ProjectedCritic(nn.Module):
    """Features, a tensor (B, C, H, W) a tap, the finest of all last, and codes (B, D) -> logits, (B, 1, H', W') a head: one for each patch.

    Each tap's channels are mixed by a fixed random 1x1 convolution first, so that no single channel gives the generator away (the source's
    section 3.2). It also mixes across taps, which brought nothing here. The last head sees the finest features as they are: grain of a
    pixel or two shows there only.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(_SEED)
        for index, channels in enumerate(shape.channels):
            weight = torch.randn(shape.width, channels, 1, 1, generator=random) / math.sqrt(channels)
            self.register_buffer(f"mixing{index}", weight, persistent=False)
        heads = [Head(shape.width, shape.width, (1, *[2] * halvings), shape.code) for halvings in shape.halvings]
        self.heads = nn.ModuleList([*heads, Head(shape.fine_channels, shape.fine_width, (2, 1), shape.code)])
        self.pixels = Head(3, shape.pixel_width, (1, 2, 2), None) if shape.pixel_width else None

    def forward(self, features: Sequence[Tensor], code: Tensor) -> list[Tensor]:
        mixed = [conv2d(x, self.get_buffer(f"mixing{index}")) for index, x in enumerate(features[:-1])]
        return [head(x, code) for head, x in zip(self.heads, [*mixed, features[-1]], strict=True)]

    def texture(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, S, S) in [0, 1] -> the logits (B, 1, S / 4, S / 4) of a head that sees them as they are; none without such a head.

        A network that halves a picture at its first layer hardly sees what alternates from pixel to pixel, nor does a jittered view have
        the picture's border. Codes have no part in it, so photographs and pictures need not be of the same things.
        """
        return [] if self.pixels is None else [self.pixels(2 * images - 1, None)]


class Head(nn.Module):
    """Features (B, C, H, W) and codes (B, D) -> logits (B, 1, H', W'): `o(h) + h . V y / sqrt(width)` at each place of h.

    h is what some convolutions make of the features; the second term asks whether it goes with the code (Miyato & Koyama 2018, arXiv
    1802.05637, eq. 3). All weights have spectral norm 1 (Miyato et al. 2018, arXiv 1802.05957).

    Args:
        strides: of the convolutions, one each.
        code: units; None: only the features count, `o(h)`.
    """

    def __init__(self, inputs: int, width: int, strides: Sequence[int], code: int | None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, stride in enumerate(strides):
            convolution = nn.Conv2d(width if index else inputs, width, 3 if stride == 1 else 4, stride, 1, bias=not index)
            layers += [spectral_norm(convolution), *([nn.BatchNorm2d(width)] if index else []), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers)
        self.out = spectral_norm(nn.Conv2d(width, 1, 1))
        self.code = None if code is None else spectral_norm(nn.Linear(code, width))

    def forward(self, features: Tensor, code: Tensor | None) -> Tensor:
        h = self.layers(features)
        logit: Tensor = self.out(h)
        if self.code is not None:
            logit = logit + (h * self.code(code)[:, :, None, None]).sum(1, keepdim=True) / math.sqrt(h.shape[1])
        return logit
