"""Linear maps for frozen weights, which are laid out as oneDNN wants them: products, convolutions and transposed convolutions."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Then = tuple[str, list[float]]  # oneDNN's name of what is done to each value of the result, and its numbers
NOTHING: Then = ("none", [])
Pair = tuple[int, ...]
Geometry = tuple[Pair, Pair, Pair, int]  # stride, padding, dilation, groups
MOST_SHAPES = 256  # of inputs whose order of weights is remembered, for each map
_ops = torch.ops.mkldnn


class Map(Protocol):
    """A linear map, prepared, and perhaps a rectifier of what comes out."""

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        """Of a batch `x`; `size`: the shape wanted of the result, where it is not the only one."""


class Frozen(torch.autograd.Function):
    """One linear map and, for the gradient, the other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forwards: Map, backwards: Map) -> Tensor:
        ctx.backwards, ctx.size = backwards, x.shape
        return forwards(x, None)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.backwards(gradient, ctx.size), None, None


class Product:
    """`y = x weight^T + bias`; weight (outputs, inputs)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._bias, self._weight = bias, _ops._reorder_linear_weight(weight, 8)  # laid out for a batch of 8, good at any

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        y: Tensor = _ops._linear_pointwise(x.contiguous(), self._weight, self._bias, *then, "")
        return y


class _Weights:
    """The weights of a convolution, in each order that oneDNN has wanted so far.

    The order depends on the shape of the input, its batch included, and on the number of threads. Weights in another order are brought
    into the right one at every call, by a plain loop that takes up to a hundred times as long as the convolution. Most shapes want the
    same, which is kept once.

    Args:
        lay_out: the weights, in the order for an input of that shape.
        size: of an input that is expected.
    """

    def __init__(self, lay_out: Callable[[torch.Size], Tensor], size: torch.Size) -> None:
        self._lay_out = lay_out
        self._orders: list[tuple[Tensor, Tensor]] = []  # the description of each order, and the weights in it
        self._wanted: dict[tuple[torch.Size, int], Tensor] = {}
        self.of(size)

    def of(self, size: torch.Size) -> Tensor:
        """In the order for an input of shape `size`."""
        wanted = size, torch.get_num_threads()
        weight = self._wanted.get(wanted)
        if weight is None:
            if len(self._wanted) >= MOST_SHAPES:
                self._wanted.clear()
            weight = self._wanted[wanted] = self._kept(self._lay_out(size))
        return weight

    def _kept(self, weight: Tensor) -> Tensor:
        order = _ops._get_mkldnn_serialized_md(weight)
        for other, kept in self._orders:
            if torch.equal(order, other):
                return kept
        self._orders.append((order, weight))
        return weight


class Convolution:
    """`y = weight * x + bias`, a convolution; weight (outputs, inputs, K, K) once it is `prepared`."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        size: torch.Size,
        prepared: Callable[[Tensor], Tensor] = lambda weight: weight,
    ) -> None:
        stride, padding, dilation, groups = geometry
        self._bias = bias
        self._geometry = padding, stride, dilation, groups
        self._weights = _Weights(lambda size: _ops._reorder_convolution_weight(prepared(weight), *self._geometry, list(size)), size)

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        weight = self._weights.of(x.shape)
        y: Tensor = _ops._convolution_pointwise(_channels_last(x), weight, self._bias, *self._geometry, *then, "")
        return y


class Transposed:
    """The transposed convolution of weight (inputs, outputs, K, K)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, geometry: Geometry, size: torch.Size, result: torch.Size) -> None:
        self._bias, (self._stride, self._padding, self._dilation, self._groups) = bias, geometry
        self._kernel, self._result = tuple(weight.shape[2:]), result
        layout = self._padding, self._left_over(size, result), self._stride, self._dilation, self._groups
        self._weights = _Weights(lambda size: _ops._reorder_convolution_transpose_weight(weight, *layout, list(size)), size)

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        layout = self._padding, self._left_over(x.shape, size or self._result), self._stride, self._dilation, self._groups
        weight = self._weights.of(x.shape)
        y: Tensor = _ops._convolution_transpose_pointwise(_channels_last(x), weight, self._bias, *layout, *then, "")
        return y

    def _left_over(self, size: torch.Size, result: torch.Size) -> list[int]:
        """Rows and columns at the end that a strided convolution never saw."""
        parts = zip(size[2:], result[2:], self._kernel, self._stride, self._padding, self._dilation, strict=True)
        return [after - ((before - 1) * s - 2 * p + d * (k - 1) + 1) for before, after, k, s, p, d in parts]


class Stretched:
    """The same, of weight (outputs, inputs / groups, K, K), as an ordinary convolution with the weights turned round.

    Where the stride is not 1, zeros are put between the values first (Dumoulin & Visin 2016, arXiv 1603.07285, section 4.5).
    """

    def __init__(self, weight: Tensor, geometry: Geometry, size: torch.Size) -> None:
        self._stride, padding, dilation, groups = geometry
        self._reach = tuple(d * (k - 1) for k, d in zip(weight.shape[2:], dilation, strict=True))
        self._rest = tuple(reach - p for reach, p in zip(self._reach, padding, strict=True))
        self._result = size
        between = torch.Size((size[0], weight.shape[0], *self._stretched(size)))

        def turned(weight: Tensor) -> Tensor:
            kernels: Tensor = weight.flip(2, 3).unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)  # in each group
            return kernels

        self._convolution = Convolution(weight, None, ((1, 1), self._rest, dilation, groups), between, turned)

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        if self._stride == (1, 1):
            return self._convolution(x, None, then)
        height, width = self._stretched(size or self._result)
        down, right = self._stride
        shape = (*x.shape[:2], height, width)
        stretched = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last).zero_()
        stretched[:, :, : (x.shape[2] - 1) * down + 1 : down, : (x.shape[3] - 1) * right + 1 : right] = x
        return self._convolution(stretched, None, then)

    def _stretched(self, size: torch.Size) -> tuple[int, ...]:
        """The height and width from which a convolution makes those of `size`."""
        return tuple(wanted + reach - 2 * rest for wanted, reach, rest in zip(size[2:], self._reach, self._rest, strict=True))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
