"""ResNet's blocks that run as one step of the graph: bit for bit what their parts compute one by one, whoever listens to these."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from dgnam_models import Network, Preprocessing
from dgnam_models.laid_out_residual import is_residual
from dgnam_models.nets import torchvision
from dgnam_models.network import folded
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import LaidOut, RectifiersApart, lay_out_
from torch import Tensor, nn

resnet = torchvision.models().resnet
FORM = Preprocessing((20, 18), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))


def smaller(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))


BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "Bottleneck": lambda: resnet.Bottleneck(32, 8),
    "Bottleneck that halves": lambda: resnet.Bottleneck(32, 12, 2, smaller(32, 48)),
    "BasicBlock": lambda: resnet.BasicBlock(32, 32),
    "BasicBlock that halves": lambda: resnet.BasicBlock(32, 48, 2, smaller(32, 48)),
}


def network(name: str, dtype: torch.dtype = torch.float32) -> Network:
    """One with a single block, laid out."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), BLOCKS[name](), nn.Flatten())
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
            part.running_mean, part.running_var = torch.randn(part.num_features) / 4, torch.rand(part.num_features) + 0.5
    made = Network.of(module, "one-block", FORM)
    made = Network(made.card, folded(made.module, FORM), dtype).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return lay_out_(made)


def read(made: Network, tap: str, image: Tensor) -> tuple[Tensor, Tensor, set[str]]:
    """The tap's value, its gradient at `image`, and the names of the graph's steps."""
    at = image.clone().requires_grad_()
    value = made.activations(at, [tap])[tap]
    (slope,) = torch.autograd.grad(value, at, torch.randn(value.shape, generator=torch.Generator().manual_seed(2)), retain_graph=True)
    (again,) = torch.autograd.grad(value, at, torch.randn(value.shape, generator=torch.Generator().manual_seed(2)), retain_graph=True)
    assert again.equal(slope), "what is kept for the gradient is not overwritten"
    seen, nodes = set(), [value.grad_fn]
    while nodes:
        node = nodes.pop()
        assert node is not None
        seen.add(node.name())
        nodes += [following for following, _ in node.next_functions if following is not None]
    return value.detach(), slope, seen


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_its_parts_to_the_bit(name: str, dtype: torch.dtype) -> None:
    if dtype is torch.bfloat16 and not has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("this processor's kernels take no bfloat16")
    made = network(name, dtype)
    image = torch.rand(3, 3, *FORM.size, generator=torch.Generator().manual_seed(1))
    value, slope, steps = read(made, made.card.output_tap, image)
    assert "_ResidualBackward" in steps
    with RectifiersApart():
        apart = read(made, made.card.output_tap, image)
    assert "_ResidualBackward" not in apart[2] and "ReluBackward0" in apart[2]
    assert value.equal(apart[0]) and slope.equal(apart[1])


@pytest.mark.parametrize("tap", ["2.conv1", "2.bn2", "2.relu_1", "2.conv3", "2.downsample"])
def test_its_parts_can_be_read(tap: str) -> None:
    made = network("Bottleneck that halves")
    image = torch.rand(2, 3, *FORM.size, generator=torch.Generator().manual_seed(1))
    value, _, steps = read(made, tap, image)
    assert "_ResidualBackward" not in steps and value.abs().max() > 0
    both, alone = made.activations(image, [tap, "2"]), made.activations(image, ["2"])["2"]
    assert both[tap].equal(value)
    torch.testing.assert_close(both["2"], alone)  # not to the bit where the tap is between a map and what was folded into it
    assert both["2"].equal(alone) or tap in ("2.conv1", "2.conv3")


def test_a_copy_with_plain_layers_runs_these() -> None:
    made = network("BasicBlock")
    plain = deepcopy(made, {id(part): part.plain() for part in made.modules() if isinstance(part, LaidOut)})
    _, _, steps = read(plain, plain.card.output_tap, torch.rand(1, 3, *FORM.size))
    assert "_ResidualBackward" not in steps and "ConvolutionBackward0" in steps


def test_others_blocks_stay_as_they_are() -> None:
    class Own(resnet.Bottleneck):  # type: ignore[misc]
        pass

    assert is_residual(resnet.Bottleneck(32, 8)) and not is_residual(Own(32, 8)) and not is_residual(nn.Sequential())
