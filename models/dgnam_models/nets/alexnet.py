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

    Args:
        channels, hidden: of each layer; 0 takes it away, which conv3, conv4, fc6 and fc7 allow (Zeiler & Fergus 2013, table 3).

    Raises:
        ValueError: another layer has none.
    """
    c1, c2, c3, c4, c5 = channels
    if not (c1 and c2 and c5):
        raise ValueError(f"channels is {list(channels)}; only conv3 and conv4 can be taken away, since a pooling follows the others")
    stages: dict[str, nn.Module] = {
        "conv1": conv(3, c1, 5, stride=2, normalized=normalized),
        "pool1": PoolReLU(),
        "conv2": conv(c1, c2, 3, normalized=normalized),
        "pool2": PoolReLU(),
    }
    width = c2
    for number, outputs in ((3, c3), (4, c4)):
        if outputs:
            stages |= {f"conv{number}": conv(width, outputs, 3, normalized=normalized), f"relu{number}": nn.ReLU()}
            width = outputs
    stages |= {"conv5": conv(width, c5, 3, normalized=normalized), "pool5": PoolReLU()}
    width, flat = c5 * (image_size // 16) ** 2, [nn.Flatten()]
    for number, outputs in zip((6, 7), hidden, strict=True):
        if outputs:
            linear = Normalized(nn.Linear(width, outputs), normalized)
            stages |= {f"fc{number}": nn.Sequential(*flat, nn.Dropout(dropout), linear), f"relu{number}": nn.ReLU()}
            width, flat = outputs, []
    stages["fc8"] = nn.Sequential(*flat, nn.Linear(width, classes)) if flat else nn.Linear(width, classes)
    return Staged(stages)
