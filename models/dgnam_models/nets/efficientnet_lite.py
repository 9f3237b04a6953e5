"""EfficientNet-Lite (Tan & Le 2019, arXiv 1905.11946, without squeeze-and-excitation and with ReLU6), as trained on ImageNet."""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from dgnam_models.nets._blocks import Normalized, Staged
from dgnam_models.nets._halving import HalvingConv2d
from dgnam_models.nets.resnet import AveragePool

EPS = 1e-3  # of its batch normalization
_STEM = 32
_CHANNELS = 8  # channels come in multiples of it


@dataclass(frozen=True)
class Group:
    """Blocks with the same number of channels; the first of them has the stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


GROUPS = (  # Tan & Le 2019, table 1
    Group(1, 16, 1, 1, 3),
    Group(6, 24, 2, 2, 3),
    Group(6, 40, 2, 2, 5),
    Group(6, 80, 3, 2, 3),
    Group(6, 112, 3, 1, 5),
    Group(6, 192, 4, 2, 5),
    Group(6, 320, 1, 1, 3),
)


def build(classes: int, width: float = 1.0, depth: float = 1.0, head: int = 1280, normalized: bool = False) -> Staged:
    """Return the network, for pictures of any size.

    Stages: stem relu_stem, then block1a block2a block2b block3a ... block7a, head relu_head pool fc; no ReLU follows a block. Branch:
    head2x2, the mean of each quarter of relu_head's map, (4 head,), the four places of a feature side by side.

    Args:
        width: the factor of the blocks' channels.
        depth: the factor of the groups' blocks, but for the first and the last group.
        head: features before the class units.
    """
    stages: dict[str, nn.Module] = {"stem": _same(3, _STEM, 3, 2, normalized=normalized), "relu_stem": nn.ReLU6()}
    inputs = _STEM
    for number, group in enumerate(GROUPS, start=1):
        outputs = _widened(group.channels, width)
        blocks = group.blocks if group in (GROUPS[0], GROUPS[-1]) else math.ceil(group.blocks * depth)
        for index in range(blocks):
            stages[f"block{number}{'abcdefghij'[index]}"] = InvertedResidual(inputs, outputs, group, index == 0, normalized)
            inputs = outputs
    stages["head"] = Normalized(nn.Conv2d(inputs, head, 1), normalized, eps=EPS)
    stages |= {"relu_head": nn.ReLU6(), "pool": AveragePool(), "fc": nn.Linear(head, classes)}
    return Staged(stages, {"head2x2": ("relu_head", Quarters())})


class InvertedResidual(nn.Module):
    """`x + project(relu6(depthwise(relu6(expand(x)))))` (Sandler et al. 2018, arXiv 1801.04381, fig. 3); the sum only where shapes agree.

    ReLU6 overwrites its input: a frozen convolution's gradient needs neither.
    """

    def __init__(self, inputs: int, outputs: int, group: Group, first: bool, normalized: bool) -> None:
        super().__init__()
        stride = group.stride if first else 1
        inner = inputs * group.expansion
        rectifier = nn.ReLU6(inplace=True)
        expand = Normalized(nn.Conv2d(inputs, inner, 1), normalized, eps=EPS, rectifier=rectifier)
        self.expand = None if group.expansion == 1 else expand
        self.depthwise = _same(inner, inner, group.kernel, stride, inner, normalized=normalized, rectifier=rectifier)
        self.project = Normalized(nn.Conv2d(inner, outputs, 1), normalized, eps=EPS)
        self.shortcut = stride == 1 and inputs == outputs

    def maps(self) -> list[nn.Module]:
        """Its linear maps, in order."""
        return [part.linear for part in (self.expand, self.depthwise, self.project) if part is not None]

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(x if self.expand is None else self.expand(x)))
        return x + y if self.shortcut else y


class Quarters(nn.Module):
    """The mean of each quarter, (B, C, H, W) -> (B, 4 C); of an odd number of rows or columns the middle one counts to both sides."""

    def forward(self, x: Tensor) -> Tensor:
        return adaptive_avg_pool2d(x, 2).flatten(1)


def _same(
    inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1, *, normalized: bool, rectifier: nn.Module | None = None
) -> Normalized:
    """A convolution with TensorFlow's padding "same"."""
    if stride == 1:  # symmetric then
        convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups)
    else:
        convolution = HalvingConv2d(inputs, outputs, kernel, groups=groups)
    return Normalized(convolution, normalized, eps=EPS, rectifier=rectifier)


def _widened(channels: int, width: float) -> int:
    """`channels * width` to the nearest multiple of 8, but no more than a tenth below."""
    wanted = channels * width
    rounded = max(_CHANNELS, int(wanted + _CHANNELS / 2) // _CHANNELS * _CHANNELS)
    return rounded + _CHANNELS if rounded < 0.9 * wanted else rounded
