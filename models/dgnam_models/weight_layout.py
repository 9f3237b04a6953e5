"""Layers of frozen networks, prepared for a processor: weights laid out once, and the gradient as one more forward pass.

Asked in the ordinary way, the library chooses by the batch's size how it multiplies, so that a picture's last bits depend on how many
others are drawn with it; and it brings the weights into its order at every call, forwards and backwards. A frozen layer's weights never
change, and the gradient of a linear map by its input is a linear map too, so both can be laid out when the model is loaded. oneDNN then has
one way to multiply, whatever the batch.
"""

import copy
from collections.abc import Callable
from typing import Any, Protocol, TypeGuard, TypeVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import relu, relu6
from torch.overrides import TorchFunctionMode, has_torch_function

from dgnam_models.nets._blocks import Normalized
from dgnam_models.nets._halving import HalvingConv2d, evened
from dgnam_models.network import Generator, Network
from dgnam_models.precision import has_fast_bfloat16

Then = tuple[str, list[float]]  # oneDNN's name of what is done to each value of the result, and its numbers
NOTHING: Then = ("none", [])
Pair = tuple[int, ...]
Geometry = tuple[Pair, Pair, Pair, int]  # stride, padding, dilation, groups
Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
Model = TypeVar("Model", bound=Network | Generator)
_ops = torch.ops.mkldnn
_RECTIFIERS: dict[type[nn.Module], Then] = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}
_APART: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {nn.ReLU: relu, nn.ReLU6: relu6}


class Map(Protocol):
    """A linear map, prepared, and perhaps a rectifier of what comes out."""

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        """Of a batch `x`; `size`: the shape wanted of the result, where it is not the only one."""


def lay_out_(model: Model) -> Model:
    """Prepare the linear maps inside `model`, in place, and return it; ONNX files and models off the processor stay as they are.

    The same numbers but for rounding come out, and gradients reach inputs only. `model` runs once, to learn the size of each layer's
    input; afterwards it can neither be moved to another device or precision, nor give its weights back.
    """
    if not torch.backends.mkldnn.is_available() or model.preprocess.mean.device.type != "cpu":
        return model
    if model.card.format == "onnx":  # the converted graph knows its layers by their types, and its check was made with these
        return model
    sizes: dict[Layer, torch.Size] = {}

    def note(layer: Layer, inputs: tuple[Tensor, ...]) -> None:
        sizes.setdefault(layer, inputs[0].shape)

    handles = [part.register_forward_pre_hook(note) for part in model.modules() if _suits(part)]
    try:
        with torch.no_grad():
            if isinstance(model, Generator):
                model(model.code_mean[None])
                if model.denoiser is not None:
                    latent = model.denoiser.encode(model.code_mean[None])
                    model.denoiser(latent, torch.ones_like(latent[:, 0]))
            else:
                model.activations(torch.zeros(1, 3, *model.input_size), [tap.name for tap in model.card.taps])
    finally:
        for handle in handles:
            handle.remove()
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if _suits(layer) and layer in sizes:
                setattr(parent, name, LaidOut(layer, sizes[layer], _take_rectifier(parent)))
    return model


def _take_rectifier(parent: nn.Module) -> nn.Module | None:
    """The rectifier that follows at once on the linear map inside `parent`, which is left without."""
    if not isinstance(parent, Normalized) or type(parent.rectifier) not in _RECTIFIERS:
        return None
    if any(type(part) is not nn.Identity for part in (parent.between, parent.norm)):
        return None
    rectifier, parent.rectifier = parent.rectifier, nn.Identity()
    return rectifier


class RectifiersApart(TorchFunctionMode):
    """While it is entered, laid-out layers call their rectifiers one by one, so that PyTorch's graph holds them.

    So does any other mode that overrides functions, which may be about rectifiers.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return func(*args, **(kwargs or {}))


class LaidOut(nn.Module):
    """What `layer` (a Linear, Conv2d or ConvTranspose2d) computes, then `rectifier`, for inputs that are mostly of shape `size`."""

    def __init__(self, layer: Layer, size: torch.Size, rectifier: nn.Module | None = None) -> None:
        super().__init__()
        self._rectifier = rectifier
        weight, bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
        empty = {id(one): nn.Parameter(torch.empty_like(one, device="meta"), requires_grad=False) for one in layer.parameters()}
        self._layer = (copy.deepcopy(layer, empty),)  # in a tuple, or its weights would count as this module's own
        self._before: Callable[[Tensor], Tensor] | None = None
        self._forwards: Map
        self._backwards: Map
        if isinstance(layer, nn.Linear):
            self._forwards, self._backwards = _Product(weight, bias), _Product(weight.t().contiguous(), None)
            return
        assert all(isinstance(padding, int) for padding in layer.padding)
        if isinstance(layer, HalvingConv2d):
            self._before = evened
            layer, size = layer.symmetric(), torch.Size((*size[:2], *(length + length % 2 for length in size[2:])))
            weight = layer.weight
        stride, padding, dilation = tuple(layer.stride), tuple(map(int, layer.padding)), tuple(layer.dilation)
        groups = layer.groups
        result = layer(torch.zeros(size, dtype=weight.dtype)).shape
        if isinstance(layer, nn.ConvTranspose2d):
            self._forwards = _Transposed(weight, bias, (stride, padding, dilation, groups), size, result)
            self._backwards = _Convolution(weight, None, (stride, padding, dilation, groups), result)
            return
        self._forwards = _Convolution(weight, bias, (stride, padding, dilation, groups), size)
        if stride == (1, 1) or _is_slow_transposed(layer):
            self._backwards = _Stretched(weight, (stride, padding, dilation, groups), size)
        else:
            self._backwards = _Transposed(weight, None, (stride, padding, dilation, groups), result, size)

    def plain(self) -> nn.Module:
        """A layer like the one that was laid out, and its rectifier, with any numbers for weights: its own are no longer there."""
        layer = copy.deepcopy(self._layer[0]).to_empty(device="cpu")
        return layer if self._rectifier is None else nn.Sequential(layer, self._rectifier)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self._before is None else self._before(x)
        y: Tensor
        if self._rectifier is None:
            y = _Frozen.apply(x, self._forwards, self._backwards)  # type: ignore[no-untyped-call]
        elif has_torch_function((x,)):  # that is so, too, while a mode overrides functions
            y = _APART[type(self._rectifier)](_Frozen.apply(x, self._forwards, self._backwards))  # type: ignore[no-untyped-call]
        else:
            y = _Rectified.apply(x, self._forwards, self._backwards, _RECTIFIERS[type(self._rectifier)])  # type: ignore[no-untyped-call]
        return y


class _Product:
    """`y = x weight^T + bias`; weight (outputs, inputs)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._bias, self._weight = bias, _ops._reorder_linear_weight(weight, 8)  # laid out for a batch of 8, good at any

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        y: Tensor = _ops._linear_pointwise(x.contiguous(), self._weight, self._bias, *then, "")
        return y


class _Convolution:
    """`y = weight * x + bias`, a convolution; weight (outputs, inputs, K, K)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, geometry: Geometry, size: torch.Size) -> None:
        stride, padding, dilation, groups = geometry
        self._bias = bias
        self._geometry = padding, stride, dilation, groups
        self._weight = _ops._reorder_convolution_weight(weight, *self._geometry, list(size))

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        y: Tensor = _ops._convolution_pointwise(_channels_last(x), self._weight, self._bias, *self._geometry, *then, "")
        return y


class _Transposed:
    """The transposed convolution of weight (inputs, outputs, K, K)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, geometry: Geometry, size: torch.Size, result: torch.Size) -> None:
        self._bias, (self._stride, self._padding, self._dilation, self._groups) = bias, geometry
        self._kernel, self._result = tuple(weight.shape[2:]), result
        layout = self._padding, self._left_over(size, result), self._stride, self._dilation, self._groups
        self._weight = _ops._reorder_convolution_transpose_weight(weight, *layout, list(size))

    def __call__(self, x: Tensor, size: torch.Size | None = None, then: Then = NOTHING, /) -> Tensor:
        layout = self._padding, self._left_over(x.shape, size or self._result), self._stride, self._dilation, self._groups
        y: Tensor = _ops._convolution_transpose_pointwise(_channels_last(x), self._weight, self._bias, *layout, *then, "")
        return y

    def _left_over(self, size: torch.Size, result: torch.Size) -> list[int]:
        """Rows and columns at the end that a strided convolution never saw."""
        parts = zip(size[2:], result[2:], self._kernel, self._stride, self._padding, self._dilation, strict=True)
        return [after - ((before - 1) * s - 2 * p + d * (k - 1) + 1) for before, after, k, s, p, d in parts]


class _Stretched:
    """The same, of weight (outputs, inputs / groups, K, K), as an ordinary convolution with the weights turned round.

    Where the stride is not 1, zeros are put between the values first (Dumoulin & Visin 2016, arXiv 1603.07285, section 4.5).
    """

    def __init__(self, weight: Tensor, geometry: Geometry, size: torch.Size) -> None:
        self._stride, padding, dilation, groups = geometry
        self._reach = tuple(d * (k - 1) for k, d in zip(weight.shape[2:], dilation, strict=True))
        self._rest = tuple(reach - p for reach, p in zip(self._reach, padding, strict=True))
        self._result = size
        turned = weight.flip(2, 3).unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)  # inputs and outputs, in each group
        between = torch.Size((size[0], weight.shape[0], *self._stretched(size)))
        self._convolution = _Convolution(turned, None, ((1, 1), self._rest, dilation, groups), between)

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


class _Frozen(torch.autograd.Function):
    """One linear map and, for the gradient, the other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forwards: Map, backwards: Map) -> Tensor:
        ctx.backwards, ctx.size = backwards, x.shape
        return forwards(x, None)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.backwards(gradient, ctx.size), None, None


class _Rectified(torch.autograd.Function):
    """The same, then a rectifier in the same pass over memory; where the result is neither 0 nor the limit, the gradient passes it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forwards: Map, backwards: Map, then: Then) -> Tensor:
        y = forwards(x, None, then)
        ctx.save_for_backward(y)
        ctx.backwards, ctx.size, ctx.limits = backwards, x.shape, then[1]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (y,) = ctx.saved_tensors
        if ctx.limits:
            passed = torch.ops.aten.hardtanh_backward(gradient, y, *ctx.limits)
        else:
            passed = torch.ops.aten.threshold_backward(gradient, y, 0)
        return ctx.backwards(passed, ctx.size), None, None, None


def _suits(part: nn.Module) -> TypeGuard[Layer]:
    if type(part) is nn.Linear:
        return _computes_in(part.weight.dtype)
    if type(part) not in (nn.Conv2d, HalvingConv2d, nn.ConvTranspose2d):
        return False
    assert isinstance(part, nn.Conv2d | nn.ConvTranspose2d)
    if part.padding_mode != "zeros" or isinstance(part.padding, str):
        return False
    within = all(p <= d * (k - 1) for p, k, d in zip(part.padding, part.kernel_size, part.dilation, strict=True))
    return within and _computes_in(part.weight.dtype)


def _is_slow_transposed(layer: nn.Conv2d) -> bool:
    """Does oneDNN have only its slow reference for this convolution's gradient? So with a stride, a filter for each channel and bfloat16.

    Measured with PyTorch 2.13 on one thread with AMX, 8 x 96 x 65 x 65, 3 x 3, stride 2: 26.2 ms, and 1.7 stretched. In float32 it
    is the other way round, 1.3 and 2.3 ms.
    """
    return layer.weight.dtype is torch.bfloat16 and layer.groups == layer.in_channels


def _computes_in(dtype: torch.dtype) -> bool:
    return dtype is torch.float32 or (dtype is torch.bfloat16 and has_fast_bfloat16(torch.device("cpu")))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
