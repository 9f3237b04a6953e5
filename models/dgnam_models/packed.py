"""Convolutions of frozen networks, prepared for a processor: weights laid out once, and their gradient as one more forward convolution.

Asked in the ordinary way, oneDNN brings weights into the order its kernel wants at every call, forwards and backwards, which costs most
where the batch is small or the multiplications are fast. A frozen layer's weights never change, and the gradient of a convolution by its
input is a convolution too (transposed, and the other way round), so both can be laid out when the model is loaded.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dgnam_models.network import Generator, Network
from dgnam_models.precision import has_fast_bfloat16

Pair = tuple[int, ...]
Model = TypeVar("Model", Network, Generator)
_ops = torch.ops.mkldnn


def pack_(model: Model) -> Model:
    """Prepare the convolutions inside `model`, in place, and return it; on other devices than a processor nothing happens.

    The same numbers but for rounding come out, and gradients reach inputs only. `model` runs once, to learn the size of each layer's
    input; afterwards it can neither be moved to another device or precision, nor give its weights back.
    """
    if not torch.backends.mkldnn.is_available() or model.preprocess.mean.device.type != "cpu":
        return model
    sizes: dict[nn.Module, torch.Size] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        sizes.setdefault(layer, inputs[0].shape)

    convolutions = [part for part in model.modules() if _suits(part)]
    handles = [layer.register_forward_pre_hook(note) for layer in convolutions]
    try:
        with torch.no_grad():
            if isinstance(model, Generator):
                model(model.code_mean[None])
            else:
                model.activations(torch.zeros(1, 3, *model.input_size), [tap.name for tap in model.card.taps])
    finally:
        for handle in handles:
            handle.remove()
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if layer in sizes:
                setattr(parent, name, Packed(layer, sizes[layer]))
    return model


class Packed(nn.Module):
    """What `layer` (a Conv2d or ConvTranspose2d) computes, for inputs that are mostly of shape `size`."""

    def __init__(self, layer: nn.Module, size: torch.Size) -> None:
        super().__init__()
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        geometry = tuple(layer.stride), tuple(layer.padding), tuple(layer.dilation)
        weight = layer.weight.detach()  # (inputs, outputs, K, K) of a transposed convolution, (outputs, inputs, K, K) of another
        bias = None if layer.bias is None else layer.bias.detach()
        result = torch.Size(layer(torch.zeros(size, dtype=weight.dtype)).shape)
        kinds = (_Transposed, _Plain) if isinstance(layer, nn.ConvTranspose2d) else (_Plain, _Transposed)
        self._forwards = kinds[0](weight, bias, geometry, size, result)
        if kinds[1] is _Transposed and layer.stride == (1, 1):  # then an ordinary convolution does it too, which is faster
            stride, padding, dilation = geometry
            padding = tuple(d * (k - 1) - p for k, p, d in zip(layer.kernel_size, padding, dilation, strict=True))
            kinds, weight, geometry = (_Plain, _Plain), weight.transpose(0, 1).flip(2, 3), (stride, padding, dilation)
        self._backwards = kinds[1](weight, None, geometry, result, size)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _Frozen.apply(x, self._forwards, self._backwards)
        return y


class _Plain:
    """`y = weight * x + bias`, a convolution; weight (outputs, inputs, K, K)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, geometry: tuple[Pair, Pair, Pair], size: torch.Size, _: torch.Size) -> None:
        stride, padding, dilation = geometry
        self._bias = bias
        self._geometry = padding, stride, dilation, 1
        self._weight = _ops._reorder_convolution_weight(weight, *self._geometry, list(size))

    def __call__(self, x: Tensor, size: torch.Size | None = None) -> Tensor:
        y: Tensor = _ops._convolution_pointwise(_channels_last(x), self._weight, self._bias, *self._geometry, "none", [], "")
        return y


class _Transposed:
    """The transposed convolution of weight (inputs, outputs, K, K); `size` says which of the sizes it may give back is wanted."""

    def __init__(self, weight: Tensor, bias: Tensor | None, geometry: tuple[Pair, Pair, Pair], size: torch.Size, result: torch.Size) -> None:
        self._bias, (self._stride, self._padding, self._dilation) = bias, geometry
        self._kernel, self._result = tuple(weight.shape[2:]), result
        layout = self._padding, self._left_over(size, result), self._stride, self._dilation, 1
        self._weight = _ops._reorder_convolution_transpose_weight(weight, *layout, list(size))

    def __call__(self, x: Tensor, size: torch.Size | None = None) -> Tensor:
        layout = self._padding, self._left_over(x.shape, size or self._result), self._stride, self._dilation, 1
        y: Tensor = _ops._convolution_transpose_pointwise(_channels_last(x), self._weight, self._bias, *layout, "none", [], "")
        return y

    def _left_over(self, size: torch.Size, result: torch.Size) -> list[int]:
        """Rows and columns at the end that a strided convolution never saw."""
        parts = zip(size[2:], result[2:], self._kernel, self._stride, self._padding, self._dilation, strict=True)
        return [after - ((before - 1) * s - 2 * p + d * (k - 1) + 1) for before, after, k, s, p, d in parts]


class _Frozen(torch.autograd.Function):
    """One linear map and, for the gradient, the other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forwards: _Plain | _Transposed, backwards: _Plain | _Transposed) -> Tensor:
        ctx.backwards, ctx.size = backwards, x.shape
        return forwards(x)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.backwards(gradient, ctx.size), None, None


def _suits(part: nn.Module) -> bool:
    if type(part) not in (nn.Conv2d, nn.ConvTranspose2d):
        return False
    assert isinstance(part, nn.Conv2d | nn.ConvTranspose2d)
    reach = [d * (k - 1) for k, d in zip(part.kernel_size, part.dilation, strict=True)]
    plain = part.groups == 1 and part.padding_mode == "zeros" and not isinstance(part.padding, str)
    return plain and all(int(p) <= r for p, r in zip(part.padding, reach, strict=True)) and _computes_in(part.weight.dtype)


def _computes_in(dtype: torch.dtype) -> bool:
    return dtype is torch.float32 or (dtype is torch.bfloat16 and has_fast_bfloat16(torch.device("cpu")))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
