"""Blocks of the projected prior, laid out: fixed maps are made once, and what is a block's alone is overwritten."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import has_torch_function

from dgnam_models.laid_out_maps import Convolution, Map
from dgnam_models.nets.upconv import Grain
from dgnam_models.nets.upconv2x2 import SLOPE, Block, Blur

_rectified_slope = torch.ops.aten.leaky_relu_backward


class LaidOutGrain(nn.Module):
    """What `grain` computes, its maps mixed once, in the order of memory that features have."""

    def __init__(self, grain: Grain) -> None:
        super().__init__()
        self.register_buffer("map", grain.mixed()[None].contiguous(memory_format=torch.channels_last), persistent=False)
        self.map: Tensor  # (1, C, S, S)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.map


class LaidOutBlur:
    """What `blur` computes of (B, C, S, S), in place where that is possible; its gradient is its own, scaled first."""

    def __init__(self, blur: Blur, shape: torch.Size, dtype: torch.dtype) -> None:
        channels, ones = shape[1], (1, 1)
        kernel = blur.kernel.to(dtype).expand(channels, 1, 3, 3).contiguous()
        self._filter = Convolution(kernel, None, (ones, ones, ones, channels), shape)
        scale, last = blur.scale.to(dtype), shape[-1] - 1
        self._rows, self._columns, self._last = scale[:, :, ::last], scale[:, :, 1:-1, ::last], last

    def forwards(self, x: Tensor) -> Tensor:
        """Filtered; the mean at the border is over what lies inside."""
        return self._scaled_(self._filter(x, None))

    def backwards(self, gradient: Tensor) -> Tensor:
        """The gradient of `forwards`, whose filter is symmetric; `gradient` is overwritten."""
        return self._filter(self._scaled_(gradient), None)

    def _scaled_(self, x: Tensor) -> Tensor:
        x[:, :, :: self._last].mul_(self._rows)  # inside the border the scale is 1
        x[:, :, 1:-1, :: self._last].mul_(self._columns)
        return x


class LaidOutBlock(nn.Module):
    """What `block` computes, when its two maps are laid out with these gradients, and so is its grain."""

    def __init__(self, block: Block, up: tuple[Map, Map], convolution: tuple[Map, Map]) -> None:
        super().__init__()
        grain = block.grain
        assert isinstance(grain, LaidOutGrain) and isinstance(block.up.between, Blur)
        self.block, self._maps = block, (up, convolution)
        self._blur = LaidOutBlur(block.up.between, grain.map.shape, grain.map.dtype)

    def forward(self, x: Tensor) -> Tensor:
        if has_torch_function((x,)):  # that is so, too, while a mode overrides functions
            return cast(Tensor, self.block(x))
        return cast(Tensor, _Drawn.apply(x, *self._maps, self._blur, self.block.grain.map))  # type: ignore[no-untyped-call]


class _Drawn(torch.autograd.Function):
    """A block in one step of the graph, of which only the two rectified results are kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, up: tuple[Map, Map], convolution: tuple[Map, Map], blur: LaidOutBlur, grain: Tensor) -> Tensor:
        y = torch.nn.functional.leaky_relu_(blur.forwards(up[0](x, None)).add_(grain), SLOPE)
        z = torch.nn.functional.leaky_relu_(convolution[0](y, None).add_(y), SLOPE)
        ctx.save_for_backward(y, z)
        ctx.maps, ctx.blur, ctx.size = (up[1], convolution[1]), blur, x.shape
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (y, z), (up, convolution) = ctx.saved_tensors, ctx.maps
        slope = _rectified_slope(gradient, z, SLOPE, True)
        slope = convolution(slope, y.shape).add_(slope)
        slope = _rectified_slope.grad_input(slope, y, SLOPE, True, grad_input=slope)
        return up(ctx.blur.backwards(slope), ctx.size), None, None, None, None
