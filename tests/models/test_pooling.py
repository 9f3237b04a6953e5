"""Max pooling is heard, whichever way a network calls it."""

import pytest
import torch
from dgnam_models import Network
from dgnam_models.card import Preprocessing
from dgnam_models.pooling import has_max_pooling
from torch import Tensor, nn

PICTURES = Preprocessing((16, 16))


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(nn.functional.max_pool2d(self.conv(x), 2).mean((2, 3)))  # type: ignore[no-any-return]


def of_modules(pool: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), pool, nn.Flatten(), nn.Linear(4 * 8 * 8, 5))


@pytest.mark.parametrize(
    ("module", "pooled"), [(Functional(), True), (of_modules(nn.MaxPool2d(2)), True), (of_modules(nn.AvgPool2d(2)), False)]
)
def test_max_pooling_is_heard(module: nn.Module, pooled: bool) -> None:
    with torch.random.fork_rng():
        assert has_max_pooling(Network.of(module, "own", PICTURES)) is pooled
