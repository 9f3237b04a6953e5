"""Laid-out layers that follow on each other with nothing between, as one step of the graph: what is theirs alone is overwritten."""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import has_torch_function

from dgnam_models.laid_out_maps import Map, Then
from dgnam_models.nets._halving import evened

Link = tuple[Map, Map, Then, bool]  # a map, its gradient's, the rectifier after it, and whether odd lengths are evened before it


@runtime_checkable
class Chain(Protocol):
    """A block that is a sequence of linear maps and rectifiers, without a rectifier after the last, and perhaps `x` is added at the end."""

    shortcut: bool

    def maps(self) -> list[nn.Module]:
        """The maps, in order."""


def passed(gradient: Tensor, result: Tensor, limits: list[float], *, owned: bool = False) -> Tensor:
    """What of `gradient` a rectifier with this result lets through: all where the result is neither 0 nor the limit.

    Args:
        limits: 0 and the upper one; none: there is no upper one.
        owned: nobody else has the gradient, so it is overwritten.
    """
    given = (gradient, result, *(limits or [0]))
    within = torch.ops.aten.hardtanh_backward if limits else torch.ops.aten.threshold_backward
    let: Tensor = within.grad_input(*given, grad_input=gradient) if owned else within(*given)
    return let


class LaidOutChain(nn.Module):
    """What `block` computes, when each of its maps has become one that tells its link, as `LaidOut` does."""

    def __init__(self, block: Chain) -> None:
        super().__init__()
        assert isinstance(block, nn.Module)
        self.block: Any = block

    def forward(self, x: Tensor) -> Tensor:
        links = None if has_torch_function((x,)) else self._links()  # that is so, too, while a mode overrides functions
        y: Tensor = self.block(x) if links is None else _Chained.apply(x, links, self.block.shortcut)  # type: ignore[no-untyped-call]
        return y

    def _links(self) -> list[Link] | None:
        maps = self.block.maps()
        return [one.link for one in maps] if all(hasattr(one, "link") for one in maps) else None


class _Chained(torch.autograd.Function):
    """Maps and rectifiers, one after the other; only what came in and the last gradient belong to others, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, links: list[Link], shortcut: bool) -> Tensor:
        y, sizes, results = x, list[tuple[torch.Size, torch.Size]](), list[Tensor]()
        for forwards, _, then, halves in links:
            before = y.shape
            y = evened(y) if halves else y
            sizes.append((before, y.shape))
            y = forwards(y, None, then)
            if then[0] != "none":
                results.append(y)
        ctx.save_for_backward(*results)
        ctx.links, ctx.sizes, ctx.shortcut = links, sizes, shortcut
        return y.add_(x) if shortcut else y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        results, slope, owned = list(ctx.saved_tensors), gradient, False
        for (_, backwards, then, _), (before, size) in zip(reversed(ctx.links), reversed(ctx.sizes), strict=True):
            if then[0] != "none":
                slope = passed(slope, results.pop(), then[1], owned=owned)
            slope, owned = backwards(slope, size), True
            if before != size:
                slope = slope[:, :, size[2] - before[2] :, size[3] - before[3] :]
        return slope.add_(gradient) if ctx.shortcut else slope, None, None
