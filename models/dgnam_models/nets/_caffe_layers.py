"""Caffe's layers: what each computes from its bottoms, as its reference implementation does. A table, type -> what makes the layer."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from dgnam_models.nets._folding import Affine, normalization


class InnerProduct(nn.Linear):
    """`W x + b` of the flattened row."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))


class Pooling(nn.Module):
    """The largest or the mean value of each window.

    Sizes are rounded up, so that the last windows may reach beyond the padded map; a mean is divided by the part of its window that
    lies in the padded map. (PyTorch, told to round up and to count the padding, does both in the same way.)
    """

    def __init__(
        self, method: Literal["max", "ave"], kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], round_up: bool = True
    ) -> None:
        super().__init__()
        self.method, self.round_up = method, round_up
        self.kernel, self.stride, self.pad = tuple(kernel), tuple(stride), tuple(pad)

    def forward(self, x: Tensor) -> Tensor:
        if self.round_up and not any(self.pad):
            for length, kernel, stride in zip(x.shape[2:], self.kernel, self.stride, strict=True):
                if -(-(length - kernel) // stride) * stride >= length:  # Caffe's answer there is no number
                    raise ValueError(f"a window of {kernel} at every {stride} values begins beyond a map of {length}")
        if self.method == "max":
            return functional.max_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=self.round_up)
        return functional.avg_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=self.round_up, count_include_pad=True)


class GlobalPooling(nn.Module):
    """The largest or the mean value of each map, (B, C, H, W) -> (B, C, 1, 1)."""

    def __init__(self, method: Literal["max", "ave"]) -> None:
        super().__init__()
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        return x.amax((2, 3), keepdim=True) if self.method == "max" else x.mean((2, 3), keepdim=True)


class LRN(nn.Module):
    """Local response normalization (Krizhevsky et al. 2012, section 3.3): `x / (k + alpha * mean of x^2 nearby)^beta`.

    Nearby is `size` channels, or `size` x `size` positions of the channel with zeros beyond the border, where k is always 1.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, within_channel: bool = False) -> None:
        super().__init__()
        if size % 2 == 0:
            raise ValueError("local_size must be odd")
        self.size, self.alpha, self.beta, self.k, self.within_channel = size, alpha, beta, k, within_channel

    def forward(self, x: Tensor) -> Tensor:
        square, half = x * x, self.size // 2
        if self.within_channel:
            return x * (1 + self.alpha * functional.avg_pool2d(square, self.size, 1, half)) ** -self.beta
        padded = functional.pad(square, (0, 0, 0, 0, half, half))  # of the channels
        channels = x.shape[1]
        total = reduce(add, (padded[:, shift : shift + channels] for shift in range(self.size)))
        return x * (self.k + self.alpha / self.size * total) ** -self.beta


class BatchNorm(nn.Module):
    """`(x - mean) / sqrt(variance + eps)` with the statistics of training."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.mean, self.variance = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(x, self.mean, self.variance, eps=self.eps)


class Scale(nn.Module):
    """`w x + b`, where w and b have the shape of the dimensions of x from `axis` on; without `shape`, w is a second input."""

    def __init__(self, axis: int = 1, shape: Sequence[int] = (), bias: bool = False) -> None:
        super().__init__()
        self.axis = axis
        self.weight = nn.Parameter(torch.ones(*shape)) if shape else None
        self.bias = nn.Parameter(torch.zeros(*shape)) if shape and bias else None

    def forward(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
        weight = self.weight if factor is None else factor
        x = x * _along(weight, x, self.axis)
        return x if self.bias is None else x + _along(self.bias, x, self.axis)


class Bias(nn.Module):
    """`x + b`, where b has the shape of the dimensions of x from `axis` on; without `shape`, b is a second input."""

    def __init__(self, axis: int = 1, shape: Sequence[int] = ()) -> None:
        super().__init__()
        self.axis = axis
        self.bias = nn.Parameter(torch.zeros(*shape)) if shape else None

    def forward(self, x: Tensor, summand: Tensor | None = None) -> Tensor:
        return x + _along(self.bias if summand is None else summand, x, self.axis)


class Power(nn.Module):
    """`(shift + scale x)^power`."""

    def __init__(self, power: float, scale: float, shift: float) -> None:
        super().__init__()
        self.power, self.scale, self.shift = power, scale, shift

    def forward(self, x: Tensor) -> Tensor:
        x = self.shift + self.scale * x
        return x if self.power == 1 else x**self.power


class Eltwise(nn.Module):
    """Several maps of one shape into one: `sum` (with a coefficient each), `prod` or `max`."""

    def __init__(self, operation: Literal["sum", "prod", "max"], coefficients: Sequence[float] = ()) -> None:
        super().__init__()
        self.operation, self.coefficients = operation, tuple(coefficients)

    def forward(self, *parts: Tensor) -> Tensor:
        if self.coefficients:
            parts = tuple(factor * part for factor, part in zip(self.coefficients, parts, strict=True))
        operations: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"sum": add, "prod": mul, "max": torch.maximum}
        return reduce(operations[self.operation], parts)


class Concat(nn.Module):
    """Several maps one after the other along `axis`."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *parts: Tensor) -> Tensor:
        return torch.cat(parts, self.axis)


class Slice(nn.Module):
    """Parts of a map along `axis`: cut at `points`, or into `parts` equal ones."""

    def __init__(self, axis: int, parts: int, points: Sequence[int] = ()) -> None:
        super().__init__()
        self.axis, self.parts, self.points = axis, parts, tuple(points)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if self.points:
            return torch.tensor_split(x, self.points, self.axis)
        if x.shape[self.axis] % self.parts:
            raise ValueError(f"{x.shape[self.axis]} values cannot be cut into {self.parts} equal parts")
        return x.chunk(self.parts, self.axis)


class Split(nn.Module):
    """The same map under several names."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x,) * self.parts


class Reshape(nn.Module):
    """Every row in another shape; 0 keeps a dimension of the input, -1 stands for what is left."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), *(x.shape[1 + i] if length == 0 else length for i, length in enumerate(self.shape)))


class Crop(nn.Module):
    """The part of the first map, from `offset` on, that has the size of the second in the dimensions from `axis` on."""

    def __init__(self, axis: int, offset: Sequence[int]) -> None:
        super().__init__()
        self.axis, self.offset = axis, tuple(offset)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        axis = self.axis % x.ndim
        offset = self.offset * (x.ndim - axis) if len(self.offset) == 1 else self.offset or (0,) * (x.ndim - axis)
        for dimension, start in zip(range(axis, x.ndim), offset, strict=True):
            x = x.narrow(dimension, start, like.shape[dimension])
        return x


def _along(values: Tensor | None, x: Tensor, axis: int) -> Tensor:
    """`values` with dimensions of length 1 after them, so that they meet those of `x` from `axis` on."""
    assert values is not None
    return values.reshape(*values.shape, *[1] * (x.ndim - axis % x.ndim - values.ndim))


def channelwise(layer: nn.Module) -> Affine | None:
    """What a layer does to each channel, where it only scales and shifts them by numbers of its own; else None."""
    if isinstance(layer, BatchNorm):
        return normalization(layer.mean, layer.variance, layer.eps)
    if not isinstance(layer, Scale | Bias) or layer.axis != 1:
        return None
    weight, bias = getattr(layer, "weight", None), layer.bias
    first = bias if weight is None else weight
    if first is None or first.ndim != 1 or (weight is None and isinstance(layer, Scale)):
        return None
    scale = torch.ones_like(first) if weight is None else weight
    return Affine(scale.detach().double(), (torch.zeros_like(first) if bias is None else bias).detach().double())


def _relu(slope: float = 0.0) -> nn.Module:
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


def _dropout() -> nn.Module:
    return nn.Identity()


LAYERS: Mapping[str, Callable[..., Any]] = {
    "BatchNorm": BatchNorm,
    "Bias": Bias,
    "Concat": Concat,
    "Convolution": nn.Conv2d,
    "Crop": Crop,
    "Deconvolution": nn.ConvTranspose2d,
    "Dropout": _dropout,
    "Eltwise": Eltwise,
    "Flatten": nn.Flatten,
    "GlobalPooling": GlobalPooling,
    "InnerProduct": InnerProduct,
    "LRN": LRN,
    "PReLU": nn.PReLU,
    "Pooling": Pooling,
    "Power": Power,
    "ReLU": _relu,
    "Reshape": Reshape,
    "Scale": Scale,
    "Sigmoid": nn.Sigmoid,
    "Slice": Slice,
    "Softmax": nn.Softmax,
    "Split": Split,
    "TanH": nn.Tanh,
}
