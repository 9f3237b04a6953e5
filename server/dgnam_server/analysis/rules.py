"""Backward rules: how a network's activation functions pass a signal from above, on the real network and whatever its architecture.

While `ruled` lasts, every activation function that the network's forward calls is given the rule as its derivative, be it a module, a
function, a method or written over its input. All else keeps its own derivative, and that is the deconvnet's rule too: the transposed
filters of a convolution (strided, grouped, dilated), the switches of max pooling, batch normalization as the linear map that it is once
its statistics are fixed, both branches of a sum, the parts of a concatenation.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from dgnam_models.nets import _caffe_layers
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Passes = Callable[[Tensor, Tensor, bool], Tensor]

_ACTIVATIONS = {
    *("celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish", "prelu", "relu"),
    *("relu6", "rrelu", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold"),
}
_CLAMPS = frozenset({"clamp", "clamp_min", "clip"})  # activation functions where they cut off at zero
_NORMALIZATIONS = (nn.LocalResponseNorm, nn.CrossMapLRN2d, _caffe_layers.LRN)


@dataclass(frozen=True)
class Rule:
    """How activation functions pass a signal down.

    Attributes:
        passes: (signal from above, the function's derivative at its input, whether it is a rectifier) -> signal below; of one shape.
        ignores_normalization: local response normalization passes the signal as it is (Zeiler & Fergus 2013, section 2.1).
    """

    passes: Passes
    ignores_normalization: bool = False


@contextmanager
def ruled(module: nn.Module, rule: Rule | None) -> Iterator[None]:
    """While it lasts, what `module` computes has `rule` as its derivative; None: its own. Leave it before going backwards."""
    if rule is None:
        yield
        return
    layers = [part for part in module.modules() if rule.ignores_normalization and isinstance(part, _NORMALIZATIONS)]
    handles = [layer.register_forward_hook(_straight) for layer in layers]
    try:
        with _Ruled(rule):
            yield
    finally:
        for handle in handles:
            handle.remove()


class _Ruled(TorchFunctionMode):
    """Hears every function of torch that is called, and answers for those that a rule is about."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        plain = name.strip("_")  # in place it ends in _, and what torch calls threshold begins with one
        x = args[0] if args else kwargs.get("input")
        if not (isinstance(x, Tensor) and x.requires_grad and x.is_floating_point()):
            return func(*args, **kwargs)
        if self._rule.ignores_normalization and plain == "local_response_norm":
            return _Straight.apply(x, func(*args, **kwargs).detach())  # type: ignore[no-untyped-call]
        if plain not in _ACTIVATIONS and plain not in _CLAMPS:
            return func(*args, **kwargs)

        def function(value: Tensor) -> Tensor:
            result: Tensor = func(value, *args[1:], **kwargs) if args else func(**{**kwargs, "input": value})
            return result

        rectifier = plain != "prelu" and _rectifies(function, x)
        if plain in _CLAMPS and not rectifier:
            return func(*args, **kwargs)
        passed = _Activation.apply(x, function, rectifier, self._rule.passes)  # type: ignore[no-untyped-call]
        return x.copy_(passed) if name.endswith("_") or _in_place(func, args, kwargs) else passed


class _Activation(torch.autograd.Function):
    """An activation function with a rule for its derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor], rectifier: bool, passes: Passes) -> Tensor:
        with torch.enable_grad():
            at = x.detach().requires_grad_()
            value = function(at.clone())  # a copy, since the function may write over its input
            (slope,) = torch.autograd.grad(value.sum(), at)
        ctx.save_for_backward(slope)
        ctx.rectifier, ctx.passes = rectifier, passes
        return value.detach()

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return ctx.passes(signal, slope, ctx.rectifier), None, None, None


class _Straight(torch.autograd.Function):
    """`value`, with the identity as its derivative by x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None]:
        return signal, None


def _straight(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    straight: Tensor = _Straight.apply(inputs[0], output.detach())  # type: ignore[no-untyped-call]
    return straight


@torch.no_grad()
def _rectifies(function: Callable[[Tensor], Tensor], like: Tensor) -> bool:
    """Whether a function is zero below zero and the identity just above it, as ReLU and ReLU6 are."""
    at = torch.tensor([-3.0, -1.0, 0.5], dtype=like.dtype)
    try:
        return function(at.clone()).tolist() == [0.0, 0.0, 0.5]
    except RuntimeError:  # bounds that are tensors of other shapes
        return False


def _in_place(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    signature = _signature(func)
    return bool(kwargs.get("inplace") if signature is None else signature.bind_partial(*args, **kwargs).arguments.get("inplace"))


@cache
def _signature(func: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(func)
    except (TypeError, ValueError):  # torch's own functions in C++, which have names that end in _ instead
        return None
