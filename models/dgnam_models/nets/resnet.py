"""A residual network (He et al. 2015) in small: one 3x3 stem and three groups of basic blocks."""

from collections.abc import Sequence

from torch import Tensor, nn

from dgnam_models.nets._blocks import Staged, conv


class Residual(nn.Module):
    """Two 3x3 convolutions added to the input (He et al. 2015, eq. 1 and 2); the sum's ReLU is the next stage."""

    def __init__(self, inputs: int, outputs: int, stride: int, normalized: bool) -> None:
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride, normalized=normalized, rectifier=nn.ReLU(inplace=True))
        self.second = conv(outputs, outputs, 3, normalized=normalized)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else conv(inputs, outputs, 1, stride, normalized=normalized)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) + self.shortcut(x)


class AveragePool(nn.Module):
    """The mean over all positions, (B, C, H, W) -> (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def build(classes: int, channels: Sequence[int] = (32, 64, 128), blocks: Sequence[int] = (1, 2, 2), normalized: bool = False) -> Staged:
    """Return the network. Stages: conv1 relu1, then res2a relu2a res3a relu3a res3b ... , pool, fc. The stem has stride 2."""
    stages: dict[str, nn.Module] = {"conv1": conv(3, channels[0], 3, stride=2, normalized=normalized), "relu1": nn.ReLU()}
    width = channels[0]
    for group, (outputs, count) in enumerate(zip(channels, blocks, strict=True), start=2):
        for index in range(count):
            stride = 2 if index == 0 and group > 2 else 1
            name = f"{group}{'abcdefgh'[index]}"
            stages[f"res{name}"] = Residual(width, outputs, stride, normalized)
            stages[f"relu{name}"] = nn.ReLU()
            width = outputs
    stages["pool"] = AveragePool()
    stages["fc"] = nn.Linear(width, classes)
    return Staged(stages)
