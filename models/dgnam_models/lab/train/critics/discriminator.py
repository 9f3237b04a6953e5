"""The discriminator of Dosovitskiy & Brox 2016 (section 3) in small.

Five convolutions on the image; the code is joined before two fully connected layers.
"""

import torch
from torch import Tensor, nn


class Discriminator(nn.Module):
    """Image (B, 3, S, S) and code (B, D) -> logit (B,) that the image is a photograph with this code."""

    def __init__(self, code: int, width: int, image_size: int) -> None:
        super().__init__()
        sizes = [
            (3, width, 5, 2),
            (width, 2 * width, 3, 2),
            (2 * width, 4 * width, 3, 2),
            (4 * width, 4 * width, 3, 1),
            (4 * width, 8 * width, 3, 2),
        ]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2) for i, o, k, s in sizes)
        self.code = nn.Linear(code, 8 * width)
        self.fc1 = nn.Linear(8 * width * (image_size // 16) ** 2 + 8 * width, 8 * width)
        self.fc2 = nn.Linear(8 * width, 1)

    def forward(self, image: Tensor, code: Tensor) -> Tensor:
        x = image
        for layer in self.convs:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        joined = torch.cat([x.flatten(1), nn.functional.leaky_relu(self.code(code), 0.2)], dim=1)
        logit: Tensor = self.fc2(nn.functional.leaky_relu(self.fc1(joined), 0.2)).squeeze(1)
        return logit
