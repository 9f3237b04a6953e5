"""AlexNet (Krizhevsky et al. 2012) in small: five convolutions and three fully connected layers, for 64x64 images."""

from collections.abc import Sequence

from torch import nn

from dgnam_models.nets._blocks import Normalized, PoolReLU, Staged, conv


def build(
    classes: int,
    channels: Sequence[int] = (48, 96, 192, 192, 128),
    hidden: Sequence[int] = (1024, 512),
    image_size: int = 64,
    dropout: float = 0.5,
    normalized: bool = False,
) -> Staged:
    """Return the network. Stages: conv1 pool1 conv2 pool2 conv3 relu3 conv4 relu4 conv5 pool5 fc6 relu6 fc7 relu7 fc8.

    conv1 has stride 2; with three poolings a 64x64 image leaves pool5 as (channels[4], 4, 4).
    """
    c1, c2, c3, c4, c5 = channels
    f6, f7 = hidden
    flat = c5 * (image_size // 16) ** 2
    return Staged(
        {
            "conv1": conv(3, c1, 5, stride=2, normalized=normalized),
            "pool1": PoolReLU(),
            "conv2": conv(c1, c2, 3, normalized=normalized),
            "pool2": PoolReLU(),
            "conv3": conv(c2, c3, 3, normalized=normalized),
            "relu3": nn.ReLU(),
            "conv4": conv(c3, c4, 3, normalized=normalized),
            "relu4": nn.ReLU(),
            "conv5": conv(c4, c5, 3, normalized=normalized),
            "pool5": PoolReLU(),
            "fc6": nn.Sequential(nn.Flatten(), nn.Dropout(dropout), Normalized(nn.Linear(flat, f6), normalized)),
            "relu6": nn.ReLU(),
            "fc7": nn.Sequential(nn.Dropout(dropout), Normalized(nn.Linear(f6, f7), normalized)),
            "relu7": nn.ReLU(),
            "fc8": nn.Linear(f7, classes),
        }
    )
