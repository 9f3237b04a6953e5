"""Batch normalization folded into the linear map before it, while the map's own output can still be read.

With the statistics of training, batch normalization is `y = scale x + shift` for each channel, and after a linear map the two are one
linear map (Ioffe & Szegedy 2015, section 3.1). In somebody else's network both outputs are taps. So a map is kept as it came, too: whoever
reads what is between them has the parts run apart, everybody else has them run as one. A kind of network says which of its layers follow on
each other with nothing else reading between; what is done then is here.
"""

import copy
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard, runtime_checkable

import torch
from torch import Tensor, nn

Linear = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


@runtime_checkable
class Foldable(Protocol):
    """A network that may have something to fold."""

    def fold_(self, x: Tensor) -> None:
        """Fold it, in place; `x` is what it takes, (B, C, H, W), or (B, D) for a generator."""


@dataclass(frozen=True)
class Affine:
    """`scale x + shift` for each channel, (C,) float64 each."""

    scale: Tensor
    shift: Tensor

    def then(self, other: "Affine") -> "Affine":
        """This, and the other one of what comes out."""
        return Affine(self.scale * other.scale, self.shift * other.scale + other.shift)


def normalization(mean: Tensor, variance: Tensor, eps: float, weight: Tensor | None = None, bias: Tensor | None = None) -> Affine:
    """`weight (x - mean) / sqrt(variance + eps) + bias`."""
    scale = torch.rsqrt(variance.detach().double() + eps)
    scale = scale if weight is None else scale * weight.detach().double()
    shift = -mean.detach().double() * scale
    return Affine(scale, shift if bias is None else shift + bias.detach().double())


def of_norm(norm: nn.Module) -> Affine | None:
    """What one of PyTorch's batch normalizations does; None where it is none, or has no statistics of its own."""
    if not isinstance(norm, nn.modules.batchnorm._BatchNorm) or norm.training or norm.running_mean is None or norm.running_var is None:
        return None
    return normalization(norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)


class Folded(nn.Sequential):
    """A linear map together with what follows it, or, while it is `apart`, the map as it came.

    It is a Sequential because onnx2pytorch passes weights to layers of all other kinds that it does not know.
    """

    def __init__(self, layer: Linear, then: Affine) -> None:
        super().__init__()
        self.layer, self.together = layer, _one(layer, then)
        self.apart = False

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = (self.layer if self.apart else self.together)(x)
        return y


class Absorbed(nn.Sequential):
    """What has been folded into the map before it: nothing, or, while it is `apart`, what it was."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part
        self.apart = False

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.part(x) if self.apart else x
        return y


@dataclass(frozen=True)
class Fold:
    """A map and what was folded into it; `between` are the taps whose values are others then."""

    between: frozenset[str]
    parts: tuple[Folded | Absorbed, ...]


def fold(layer: Linear, followers: Sequence[tuple[nn.Module, Affine]], between: Collection[str]) -> Fold:
    """Fold what follows `layer`, in order, into it; the parts are to take their places."""
    total = followers[0][1]
    for _, affine in followers[1:]:
        total = total.then(affine)
    return Fold(frozenset(between), (Folded(layer, total), *(Absorbed(part) for part, _ in followers)))


def is_linear(layer: nn.Module) -> TypeGuard[Linear]:
    """Can something be folded into it?"""
    return isinstance(layer, Linear) and layer.weight.is_floating_point()


@contextmanager
def apart(folds: Collection[Fold], taps: Collection[str]) -> Iterator[None]:
    """While it lasts, maps whose own output, or what is between it and the end of the fold, is among `taps` run as they came."""
    parts = [part for one in folds if not one.between.isdisjoint(taps) for part in one.parts]
    for part in parts:
        part.apart = True
    try:
        yield
    finally:
        for part in parts:
            part.apart = False


@torch.no_grad()
def _one(layer: Linear, then: Affine) -> Linear:
    """The one map that is `layer`, then the other; computed in float64, kept in the layer's own precision."""
    weight, bias = layer.weight.detach().double(), None if layer.bias is None else layer.bias.detach().double()
    if isinstance(layer, nn.ConvTranspose2d):  # (inputs, outputs / groups, K, K)
        grouped = weight.unflatten(0, (layer.groups, -1)) * then.scale.view(layer.groups, 1, -1, 1, 1)
        weight = grouped.flatten(0, 1)
    else:
        weight = weight * then.scale.view(-1, *[1] * (weight.ndim - 1))
    bias = then.shift if bias is None else bias * then.scale + then.shift
    kept: dict[int, Any] = {id(value): value for value in layer.parameters()}  # not copied: they are replaced
    one = copy.deepcopy(layer, kept)
    one.weight, one.bias = (nn.Parameter(value.to(layer.weight.dtype), requires_grad=False) for value in (weight, bias))
    return one
