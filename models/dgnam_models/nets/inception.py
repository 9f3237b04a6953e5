"""GoogLeNet (Szegedy et al. 2014) in small: a two-convolution stem, four inception modules, global average pooling."""

import torch
from torch import Tensor, nn

from dgnam_models.nets._blocks import PoolReLU, Staged, conv
from dgnam_models.nets.resnet import AveragePool


class Inception(nn.Module):
    """Four branches side by side (1x1, 3x3, two 3x3 in a row, pooled 1x1), concatenated (Szegedy et al. 2014, fig. 2b).

    The 5x5 branch is two 3x3 convolutions, as in Szegedy et al. 2015. The concatenation's ReLU is the next stage.
    """

    def __init__(self, inputs: int, width: int, normalized: bool) -> None:
        super().__init__()
        self.one = conv(inputs, width, 1, normalized=normalized)
        self.three_reduce = conv(inputs, width, 1, normalized=normalized)
        self.three = conv(width, 2 * width, 3, normalized=normalized)
        self.five_reduce = conv(inputs, width // 2, 1, normalized=normalized)
        self.five_a = conv(width // 2, width, 3, normalized=normalized)
        self.five_b = conv(width, width, 3, normalized=normalized)
        self.pooled = conv(inputs, width, 1, normalized=normalized)

    def forward(self, x: Tensor) -> Tensor:
        three = self.three(self.three_reduce(x).relu())
        five = self.five_b(self.five_a(self.five_reduce(x).relu()).relu())
        pooled = self.pooled(nn.functional.max_pool2d(x, 3, stride=1, padding=1))
        return torch.cat([self.one(x), three, five, pooled], dim=1)  # (B, 5 width, H, W)


def build(classes: int, stem: int = 32, widths: tuple[int, int, int, int] = (24, 32, 40, 48), normalized: bool = False) -> Staged:
    """Return the network.

    Stages: conv1 relu1 conv2 pool2 inception3a relu3a inception3b pool3 inception4a relu4a inception4b relu4b pool fc.
    """
    a, b, c, d = widths
    return Staged(
        {
            "conv1": conv(3, stem, 3, stride=2, normalized=normalized),
            "relu1": nn.ReLU(),
            "conv2": conv(stem, 2 * stem, 3, normalized=normalized),
            "pool2": PoolReLU(),
            "inception3a": Inception(2 * stem, a, normalized),
            "relu3a": nn.ReLU(),
            "inception3b": Inception(5 * a, b, normalized),
            "pool3": PoolReLU(),
            "inception4a": Inception(5 * b, c, normalized),
            "relu4a": nn.ReLU(),
            "inception4b": Inception(5 * c, d, normalized),
            "relu4b": nn.ReLU(),
            "pool": AveragePool(),
            "fc": nn.Linear(5 * d, classes),
        }
    )
