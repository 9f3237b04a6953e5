"""First-layer filters, against networks whose filters are known."""

import math

import pytest
import torch
from dgnam_models import Network
from dgnam_models.card import Preprocessing
from dgnam_models.errors import DataError
from dgnam_models.filters import Filters, first_layer, measured, numbers, sheet
from dgnam_models.photographs import Photographs
from torch import nn


def network(first: nn.Conv2d, channels: str = "RGB", std: tuple[float, ...] = (0.5, 0.25, 0.125)) -> Network:
    form = Preprocessing((16, 16), mean=(0.5,) * len(std), std=std, channels=channels)
    module = nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(first.out_channels, 3))
    return Network.of(module, "net", form)


def waves(frequencies: list[float]) -> torch.Tensor:
    x = torch.arange(16.0)
    return torch.stack([torch.cos(2 * math.pi * f * x).expand(3, 16, 16) for f in frequencies])


def test_filters_are_told_for_red_green_and_blue_of_0_to_1() -> None:
    torch.manual_seed(0)
    first = nn.Conv2d(3, 4, 3, stride=(2, 1))
    found = first_layer(network(first))
    torch.testing.assert_close(found.values, first.weight.detach() / torch.tensor([0.5, 0.25, 0.125])[:, None, None])
    assert found.stride == (2, 1)
    turned = first_layer(network(first, "BGR"))
    torch.testing.assert_close(turned.values, (first.weight.detach() / torch.tensor([0.5, 0.25, 0.125])[:, None, None]).flip(1))


def test_a_function_is_heard_as_well() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(5, 3, 3, 3))
            self.fc = nn.Linear(5, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(nn.functional.conv2d(x, self.kernel, stride=2).relu().mean((2, 3)))

    found = first_layer(Network.of(Bare(), "bare", Preprocessing((16, 16), mean=(0.0,) * 3, std=(1.0,) * 3)))
    assert found.values.shape == (5, 3, 3, 3) and found.stride == (2, 2)


def test_nothing_behind_the_first_convolution_is_computed() -> None:
    class Ends(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if ends:
                raise AssertionError("computed all the same")
            return x.mean((2, 3))

    ends = False
    net = Network.of(nn.Sequential(nn.Conv2d(3, 4, 3), Ends()), "ends", Preprocessing((16, 16), mean=(0.0,) * 3, std=(1.0,) * 3))
    ends = True
    assert first_layer(net).values.shape == (4, 3, 3, 3)


def test_without_a_convolution_there_are_no_filters() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(DataError, match="does not begin with a convolution"):
        first_layer(Network.of(module, "flat", Preprocessing((16, 16), mean=(0.0,) * 3, std=(1.0,) * 3)))


def test_what_dominates_and_what_is_dead() -> None:
    values = torch.ones(6, 3, 3, 3)
    values[2] *= 3.5
    values[4] *= 0.05
    values[5] = 0
    found = Filters(values, (1, 1))
    assert found.rms[0] == 1 and found.dominating == [2] and found.dead == [4, 5]


def test_photographs_find_filters_that_never_respond() -> None:
    first = nn.Conv2d(3, 4, 1)
    nn.init.constant_(first.weight, 1.0)
    with torch.no_grad():
        first.bias.copy_(torch.tensor([2.0, 2.0, 2.0, -50.0]))
    net = network(first, std=(1.0, 1.0, 1.0))
    pixels = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    told: list[int] = []
    found = measured(first_layer(net), net, Photographs(pixels, torch.zeros(6).long(), ("a",)), told.append)
    assert found.dead == [3] and found.dominating == [] and sum(told) == 6
    expected = (pixels.float() / 255 - 0.5).sum(1).add(2).clamp(min=0).mean()
    assert found.responses is not None and float(found.responses[0]) == pytest.approx(float(expected), rel=1e-4)


def test_bands_of_waves() -> None:
    low, middle, high = Filters(waves([1 / 16, 3 / 16, 7 / 16]), (1, 1)).bands()
    assert low == pytest.approx(1 / 3, abs=0.1) and middle == pytest.approx(1 / 3, abs=0.1) and high == pytest.approx(1 / 3, abs=0.1)


def test_what_a_stride_cannot_carry() -> None:
    slow, fast = Filters(waves([1 / 16]), (4, 4)), Filters(waves([5 / 16]), (4, 4))
    assert slow.aliased() < 0.3 and fast.aliased() > 0.9
    assert Filters(fast.values, (1, 1)).aliased() == 0, "a stride of 1 carries all"


def test_the_sheet_and_the_numbers() -> None:
    values = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    values[1] *= 10
    found = Filters(values, (2, 2))
    own, shared = sheet(found), sheet(found, shared=True)
    assert own.size == shared.size == (3 * 46, 2 * 46)
    assert own.getpixel((46, 0)) == (178, 24, 43), "the one that dominates has a red frame"
    assert max(abs(value - 128) for value in shared.getpixel((23, 23))) < 60, "beside it the others are pale"  # type: ignore[union-attr]
    told = numbers(found)
    assert told["dominating"] == [1] and told["filters"] == 5 and sum(told["frequencies"].values()) == pytest.approx(1, abs=0.01)
