"""A network's first-layer filters, and what may be wrong with them (Zeiler & Fergus 2013, section 4.1 and fig. 6)."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.overrides import TorchFunctionMode

from dgnam_models.errors import DataError
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, batches

DOMINATES, DEAD = 3.0, 0.1  # times the median filter's strength
LOW, HIGH = 1 / 8, 1 / 4  # cycles per pixel: below LOW is low, above HIGH high, between them middle
_GRID = 64  # samples of the spectrum each way
_CELL_PX, _FRAME_PX = 40, 3  # of a filter on the sheet
_PAPER, _DOMINATING, _DEAD = (255, 255, 255), (178, 24, 43), (33, 102, 172)


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters that a network applies to the pixels.

    Attributes:
        values: (N, 3, h, w) float32: what a unit of RGB in [0, 1] adds to the filter's response.
        stride: (down, right) in pixels.
        responses: (N,): the mean over photographs and places of the filter's response after rectification; None: not measured.
    """

    values: Tensor
    stride: tuple[int, int]
    responses: Tensor | None = None

    @property
    def rms(self) -> Tensor:
        """Each filter's root mean square, (N,): the source scales filters back where this exceeds a fixed radius."""
        return self.values.square().mean((1, 2, 3)).sqrt()

    @property
    def dominating(self) -> list[int]:
        """Filters stronger than `DOMINATES` times the median, by their root mean square or by their responses."""
        return sorted({i for strengths in self._strengths() for i in _where(strengths > DOMINATES * strengths.median())})

    @property
    def dead(self) -> list[int]:
        """Filters weaker than `DEAD` times the median, likewise; or that photographs never excite."""
        return sorted({i for strengths in self._strengths() for i in _where((strengths < DEAD * strengths.median()) | (strengths <= 0))})

    def _strengths(self) -> list[Tensor]:
        return [self.rms, *([] if self.responses is None else [self.responses])]

    def bands(self) -> tuple[float, float, float]:
        """The shares of low, middle and high spatial frequencies in the filters' energy, each filter counting the same."""
        energy, frequency = self._spectrum()
        radius = frequency[0].square().add(frequency[1].square()).sqrt()
        share = [
            float((energy * inside).sum((1, 2)).mean()) for inside in (radius < LOW, (radius >= LOW) & (radius <= HIGH), radius > HIGH)
        ]
        return share[0], share[1], share[2]

    def aliased(self) -> float:
        """The share of their energy at frequencies that the stride cannot carry, above 1 / (2 stride) cycles per pixel either way."""
        energy, frequency = self._spectrum()
        beyond = (frequency[0].abs() > 1 / (2 * self.stride[0])) | (frequency[1].abs() > 1 / (2 * self.stride[1]))
        return float((energy * beyond).sum((1, 2)).mean())

    def _spectrum(self) -> tuple[Tensor, Tensor]:
        """Each filter's energy by frequency, (N, G, G), adding up to 1; and the frequencies down and right, (2, G, G), cycles per pixel."""
        energy = torch.fft.fft2(self.values.double(), (_GRID, _GRID)).abs().square().sum(1)
        one = torch.fft.fftfreq(_GRID, dtype=torch.float64)
        total = energy.sum((1, 2), keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        return energy / total, torch.stack(torch.meshgrid(one, one, indexing="ij"))


@torch.no_grad()
def first_layer(network: Network) -> Filters:
    """The filters of the first convolution that sees the picture, whichever way the network calls it.

    Raises:
        DataError: nothing in it convolves the picture.
    """
    image = network.preprocess.mean.new_full((1, 3, *network.input_size), 0.5)
    with _Ear() as heard, suppress(_Heard):
        network.activations(image, [tap.name for tap in network.card.taps])  # of all, or the weights would be normalization's, too
    encoded = network.preprocess.encode(image)
    if heard.weight is None or heard.weight.ndim != 4 or heard.weight.shape[1] != encoded.shape[1]:
        raise DataError(f"{network.name} does not begin with a convolution of the whole picture, so it has no first-layer filters")
    stride = heard.stride if isinstance(heard.stride, Sequence) else (heard.stride, heard.stride)
    values = torch.einsum("nihw,ic->nchw", heard.weight.float(), _mixing(network))
    return Filters(values.cpu(), (int(stride[0]), int(stride[-1])))


@torch.no_grad()
def measured(filters: Filters, network: Network, photographs: Photographs, progress: Callable[[int], object] = lambda _: None) -> Filters:
    """The same filters with what photographs make them respond, at the network's first tap that has a map for each filter.

    Args:
        progress: is told how many photographs were seen, batch by batch.

    Raises:
        DataError: the network has no such tap.
    """
    count = len(filters.values)
    tap = next((tap.name for tap in network.card.taps if len(tap.shape) == 3 and tap.shape[0] == count), None)
    if tap is None:
        raise DataError(f"{network.name} has no tap with {count} maps, so its filters' responses cannot be read: leave --data out")
    total = torch.zeros(count, dtype=torch.float64)
    for images, _ in batches(photographs, network.preprocess.mean.device, 64):
        total += network.activations(images, [tap])[tap].clamp(min=0).mean((2, 3)).sum(0).double().cpu()
        progress(len(images))
    return replace(filters, responses=total / len(photographs))


def numbers(filters: Filters) -> dict[str, Any]:
    """The diagnosis as plain data."""
    low, middle, high = filters.bands()
    rms = filters.rms
    return {
        "filters": len(filters.values),
        "size": list(filters.values.shape[2:]),
        "stride": list(filters.stride),
        "rms": [round(float(value), 3) for value in (rms.min(), rms.median(), rms.max())],
        "dominating": filters.dominating,
        "dead": filters.dead,
        "frequencies": {"low": round(low, 3), "middle": round(middle, 3), "high": round(high, 3)},
        "aliased": round(filters.aliased(), 3),
    }


def sheet(filters: Filters, *, shared: bool = False) -> Image.Image:
    """The filters in a square, colours around grey; dominating ones in a red frame, dead ones in a blue one.

    Args:
        shared: all on one scale, the strongest filter's, so that those that dominate are seen to; else each on its own.
    """
    values = filters.values
    most = values.abs().amax((1, 2, 3), keepdim=True)
    scale = (most.max() if shared else most).clamp(min=torch.finfo(torch.float32).tiny)
    pixels = ((0.5 + 0.5 * values / scale) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    frames = dict.fromkeys(filters.dead, _DEAD) | dict.fromkeys(filters.dominating, _DOMINATING)
    columns, cell = math.ceil(math.sqrt(len(pixels))), _CELL_PX + 2 * _FRAME_PX
    drawn = Image.new("RGB", (columns * cell, math.ceil(len(pixels) / columns) * cell), _PAPER)
    for i, one in enumerate(pixels):
        x, y = i % columns * cell, i // columns * cell
        ImageDraw.Draw(drawn).rectangle((x, y, x + cell - 1, y + cell - 1), frames.get(i, _PAPER))
        picture = Image.fromarray(np.ascontiguousarray(one)).resize((_CELL_PX, _CELL_PX), Image.Resampling.NEAREST)
        drawn.paste(picture, (x + _FRAME_PX, y + _FRAME_PX))
    return drawn


def _mixing(network: Network) -> Tensor:
    """What each of red, green and blue adds to each of the channels that the network takes, (channels, 3)."""
    size = network.input_size
    black = network.preprocess.mean.new_zeros(1, 3, *size)
    base = network.preprocess.encode(black)[0, :, 0, 0]
    columns = []
    for channel in range(3):
        lit = black.clone()
        lit[:, channel] = 1
        columns.append(network.preprocess.encode(lit)[0, :, 0, 0] - base)
    return torch.stack(columns, 1).float()


def _where(mask: Tensor) -> list[int]:
    found: list[int] = mask.nonzero().flatten().tolist()
    return found


class _Heard(Exception):
    """The first convolution was heard: what comes after it need not be computed."""


class _Ear(TorchFunctionMode):
    """Hears the first convolution, be it a module's or a function's, and ends there."""

    def __init__(self) -> None:
        super().__init__()
        self.weight: Tensor | None = None
        self.stride: Any = 1

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.nn.functional.conv2d:
            self.weight = kwargs["weight"] if "weight" in kwargs else args[1]
            self.stride = kwargs["stride"] if "stride" in kwargs else args[3] if len(args) > 3 else 1
            raise _Heard
        return function(*args, **kwargs)
