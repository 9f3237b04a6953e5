"""Blocks of the projected prior that run as one step of the graph: what they compute part by part, and nothing of others is overwritten."""

import pytest
import torch
from dgnam_models.laid_out_up import LaidOutBlock, LaidOutGrain
from dgnam_models.nets._blocks import fold_
from dgnam_models.nets.upconv2x2 import Block
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import LaidOut, RectifiersApart
from torch import Tensor, nn

SIZE = 16


def plain(dtype: torch.dtype) -> Block:
    torch.manual_seed(0)
    block = Block(8, 6, SIZE, 3, 0.5, normalized=True).eval()
    fold_(block)
    return block.requires_grad_(False).to(dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def laid_out(dtype: torch.dtype) -> LaidOutBlock:
    block = plain(dtype)
    up, convolution = (
        LaidOut(part.linear, torch.Size((1, part.linear.in_channels, side, side)))  # type: ignore[arg-type]
        for part, side in ((block.up, SIZE // 2), (block.convolution, SIZE))
    )
    block.up.linear, block.convolution.linear, block.grain = up, convolution, LaidOutGrain(block.grain)  # type: ignore[assignment]
    return LaidOutBlock(block, up.link[:2], convolution.link[:2])


def both(block: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Its value, and its gradient at `x`; asked twice, since what is kept for it must not be overwritten."""
    at = x.clone().requires_grad_()
    value = block(at)
    given = torch.randn(value.shape, generator=torch.Generator().manual_seed(2)).to(x.dtype)
    before = given.clone()
    slopes = [torch.autograd.grad(value, at, given, retain_graph=True)[0] for _ in range(2)]
    assert slopes[0].equal(slopes[1]) and at.detach().equal(x) and given.equal(before)
    return value.detach(), slopes[0]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_block_is_its_parts(dtype: torch.dtype, rows: int) -> None:
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    block = laid_out(dtype)
    x = torch.randn(rows, 8, SIZE // 2, SIZE // 2, generator=torch.Generator().manual_seed(1)).to(dtype)
    found, parts, whole = both(block, x), both(block.block, x), both(plain(torch.float32), x.float())
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype is torch.float32 else {"rtol": 0.02, "atol": 0.02}
    for one, other, exact in zip(found, parts, whole, strict=True):
        torch.testing.assert_close(one, other, **close)
        torch.testing.assert_close(one.float(), exact, rtol=close["rtol"], atol=3 * close["atol"])
    assert found[0].equal(parts[0]), "the value to the bit"
    made = block(x.clone().requires_grad_())
    assert made.grad_fn is not None and made.grad_fn.name() == "_DrawnBackward", "it is one step"


def test_its_parts_run_apart_where_something_must_see_them() -> None:
    block, seen = laid_out(torch.float32), list[nn.Module]()
    for part in block.modules():
        part.register_forward_hook(lambda module, given, made: seen.append(module))
    x = torch.randn(1, 8, SIZE // 2, SIZE // 2)
    block(x)
    assert seen == [block]
    with RectifiersApart():
        block(x)
    assert {block.block.up.between, block.block.grain, block.block.convolution} < set(seen)
