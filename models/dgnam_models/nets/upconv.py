"""The up-convolutional generator of Dosovitskiy & Brox 2016 (arXiv 1602.02644, table 7) in small, for 64x64 images."""

from collections.abc import Sequence

from torch import Tensor, nn

from dgnam_models.nets._blocks import Normalized


class UpConv(nn.Module):
    """Code (B, D) -> image (B, 3, H, W): fully connected layers, then 4x4 stride-2 deconvolutions, a 3x3 convolution after each.

    Leaky ReLU with slope 0.3 after every layer but the last, as in the source. The last layer is linear: its range is the card's.
    """

    def __init__(self, code: int, hidden: int, seed_channels: int, channels: Sequence[int], normalized: bool) -> None:
        super().__init__()
        self.seed_channels = seed_channels
        self.dense = nn.ModuleList(
            [Normalized(nn.Linear(code, hidden), normalized), Normalized(nn.Linear(hidden, 16 * seed_channels), normalized)]
        )
        self.up = nn.ModuleList()
        width = seed_channels
        for index, outputs in enumerate(channels):
            self.up.append(Normalized(nn.ConvTranspose2d(width, outputs, 4, 2, 1), normalized))
            if index < len(channels) - 1:
                self.up.append(Normalized(nn.Conv2d(outputs, outputs, 3, 1, 1), normalized))
            width = outputs
        self.to_image = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, code: Tensor) -> Tensor:
        x = code
        for layer in self.dense:
            x = nn.functional.leaky_relu(layer(x), 0.3)
        x = x.unflatten(1, (self.seed_channels, 4, 4))
        for layer in self.up:
            x = nn.functional.leaky_relu(layer(x), 0.3)
        return self.to_image(x)


def build(
    code: int,
    hidden: int = 1024,
    seed_channels: int = 96,
    channels: Sequence[int] = (192, 112, 64, 32),
    normalized: bool = False,
) -> UpConv:
    """Return the generator; each entry of `channels` doubles the size, starting from 4x4."""
    return UpConv(code, hidden, seed_channels, channels, normalized)
