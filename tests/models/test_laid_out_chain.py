"""Blocks whose layers run as one step of the graph: bit for bit what they compute one by one, and nothing of others is overwritten."""

from copy import deepcopy

import pytest
import torch
from dgnam_models.laid_out_chain import LaidOutChain, passed
from dgnam_models.nets._blocks import fold_
from dgnam_models.nets.efficientnet_lite import GROUPS, InvertedResidual
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import LaidOut, RectifiersApart, take_rectifier
from torch import Tensor, nn

BLOCKS = {"without expansion": (0, 32, 16, True), "halving": (1, 16, 24, True), "with a shortcut": (1, 24, 24, False)}


def laid_out(name: str, dtype: torch.dtype) -> LaidOutChain:
    group, inputs, outputs, first = BLOCKS[name]
    torch.manual_seed(0)
    block = InvertedResidual(inputs, outputs, GROUPS[group], first, normalized=True).eval()
    fold_(block)
    block.to(dtype).requires_grad_(False)
    for parent in (block.expand, block.depthwise, block.project):
        if parent is not None:
            size = torch.Size((1, parent.linear.in_channels, 13, 14))
            parent.linear = LaidOut(parent.linear, size, take_rectifier(parent))  # type: ignore[assignment]
    return LaidOutChain(block)


def both(block: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Its value, its gradient at `x`, and the gradient that went in, after it went in."""
    at = x.clone().requires_grad_()
    value = block(at)
    given = torch.randn(value.shape, generator=torch.Generator().manual_seed(2)).to(x.dtype)
    (slope,) = torch.autograd.grad(value, at, given, retain_graph=True)
    (again,) = torch.autograd.grad(value, at, given)
    assert again.equal(slope), "what is kept for the gradient is not overwritten"
    assert at.detach().equal(x)
    return value.detach(), slope, given


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_chain_is_its_layers_to_the_bit(name: str, dtype: torch.dtype) -> None:
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    chain = laid_out(name, dtype)
    x = 4 * torch.randn(2, BLOCKS[name][1], 13, 14, generator=torch.Generator().manual_seed(1)).to(dtype)
    for one, other in zip(both(chain, x), both(chain.block, x), strict=True):
        assert one.equal(other)
    made = chain(x.clone().requires_grad_())
    assert made.grad_fn is not None and made.grad_fn.name() == "_ChainedBackward", "it is one step"


def test_rectifiers_are_apart_where_something_must_see_them() -> None:
    chain, x = laid_out("with a shortcut", torch.float32), torch.randn(1, 24, 14, 14, requires_grad=True)
    with RectifiersApart():
        made = chain(x)  # kept, as older versions of PyTorch forget a graph with its result
    seen, nodes = set(), [made.grad_fn]
    while nodes:
        node = nodes.pop()
        seen.add(node.name())
        nodes += [following for following, _ in node.next_functions if following is not None]
    assert "HardtanhBackward0" in seen and "_ChainedBackward" not in seen


def test_a_copy_with_plain_layers_runs_these() -> None:
    chain = laid_out("halving", torch.float32)
    plain = deepcopy(chain, {id(part): part.plain() for part in chain.modules() if isinstance(part, LaidOut)})
    assert plain(torch.randn(1, 16, 14, 14)).shape == (1, 24, 7, 7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("limits", [[], [0.0, 6.0]], ids=["ReLU", "ReLU6"])
def test_what_a_rectifier_passes_is_overwritten_only_when_owned(limits: list[float], dtype: torch.dtype) -> None:
    x = torch.tensor([-1.0, 0, 1e-3, 3, 6, 7], dtype=dtype, requires_grad=True)
    y = x.clamp(0, 6) if limits else x.relu()
    gradient = torch.arange(1.0, 7, dtype=dtype)
    inside = (y > 0) & (y < 6) if limits else y > 0
    expected = torch.where(inside, gradient, 0)
    assert passed(gradient, y.detach(), limits).equal(expected)
    assert gradient.equal(torch.arange(1.0, 7, dtype=dtype))
    assert passed(gradient, y.detach(), limits, owned=True) is gradient
    assert gradient.equal(expected)
