"""Residual blocks of torchvision's ResNets, laid out: maps rectify as they multiply, and what is a block's alone is overwritten."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import has_torch_function

from dgnam_models.laid_out_chain import passed
from dgnam_models.laid_out_maps import Map, Then
from dgnam_models.nets._folding import Folded

_RELU: Then = ("relu", [])
Pair = tuple[Map, Map]  # a map and its gradient's


def is_residual(block: nn.Module) -> bool:
    """Is it a block of torchvision's ResNet, ResNeXt or Wide ResNet?"""
    kind = type(block)
    return kind.__module__ == "torchvision.models.resnet" and kind.__name__ in ("BasicBlock", "Bottleneck") and type(block.relu) is nn.ReLU


class LaidOutResidual:
    """`block.forward` in one step of the graph, once its maps are laid out and its normalizations folded into them.

    It is that block's, so that its parts keep their names. While one of them is listened to, they run one by one, to the same bits.
    """

    def __init__(self, block: nn.Module) -> None:
        self._block: Any = block
        self._parts = list(block.modules())[1:]

    def __call__(self, x: Tensor) -> Tensor:
        heard = any(part._forward_hooks for part in self._parts)
        pairs = None if heard or has_torch_function((x,)) else self._pairs()  # the latter, too, while a mode overrides functions
        if pairs is None:
            return cast(Tensor, type(self._block).forward(self._block, x))
        return cast(Tensor, _Residual.apply(x, *pairs))  # type: ignore[no-untyped-call]

    def _pairs(self) -> tuple[list[Pair], Pair | None] | None:
        block = self._block
        maps = [getattr(block, name) for name in ("conv1", "conv2", "conv3") if hasattr(block, name)]
        maps += [] if block.downsample is None else [block.downsample[0]]
        if not all(isinstance(one, Folded) and hasattr(one.together, "link") for one in maps):
            return None
        pairs: list[Pair] = [one.together.link[:2] for one in maps]
        return (pairs, None) if block.downsample is None else (pairs[:-1], pairs[-1])


class _Residual(torch.autograd.Function):
    """`relu(f(x) + g(x))`: f are maps with rectifiers between, g is one map or none; only x and the last gradient belong to others."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pairs: list[Pair], shortcut: Pair | None) -> Tensor:
        results = [x]
        for forwards, _ in pairs[:-1]:
            results.append(forwards(results[-1], None, _RELU))
        y = pairs[-1][0](results[-1], None)
        y = y.add_(x if shortcut is None else shortcut[0](x, None)).relu_()
        ctx.save_for_backward(*results[1:], y)
        ctx.backwards, ctx.sizes = [backwards for _, backwards in pairs], [result.shape for result in results]
        ctx.shortcut = None if shortcut is None else shortcut[1]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        *results, y = ctx.saved_tensors
        along = slope = passed(gradient, y, [])
        for backwards, size in zip(reversed(ctx.backwards), reversed(ctx.sizes), strict=True):
            slope = backwards(slope, size)
            if results:
                slope = passed(slope, results.pop(), [], owned=True)
        return slope.add_(along if ctx.shortcut is None else ctx.shortcut(along, ctx.sizes[0])), None, None
