"""A network to play with: it tells lying stripes from standing ones. Two other examples train it, which takes seconds."""

import torch
from torch import Tensor, nn

SIZE = 32
LABELS = ("lying", "standing")


def pictures(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Grey stripes of random width and phase: (count, 3, SIZE, SIZE) in [0, 1], and which way they run, (count,)."""
    standing = torch.randint(2, (count,), generator=generator)
    cycles, phase = 2 + 4 * torch.rand(count, generator=generator), 6.3 * torch.rand(count, generator=generator)
    wave = 0.5 + 0.4 * torch.sin(6.3 * cycles[:, None] * torch.linspace(0, 1, SIZE) + phase[:, None])
    lying = wave[:, None, :, None].expand(count, 3, SIZE, SIZE)
    return torch.where(standing[:, None, None, None] == 1, lying.mT, lying), standing


def trained(steps: int = 60) -> nn.Module:
    """A small convolutional network that names them right."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    first, second = nn.Conv2d(3, 8, 5, padding=2), nn.Conv2d(8, 16, 5, padding=2)
    model = nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(steps):
        images, labels = pictures(32, generator)
        loss = nn.functional.cross_entropy(model((images - 0.5) / 0.25), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
