"""Receptive fields against ones worked out by hand, and against what moves a unit of a trained network."""

import dgnam_models
import pytest
import torch
from dgnam_models import Network
from dgnam_models.card import Preprocessing
from dgnam_models.receptive_field import Box, ReceptiveField, centre, receptive_field
from dgnam_models.weight_layout import LaidOut, lay_out_
from torch import Tensor, nn


@pytest.fixture(scope="module")
def alexnet() -> Network:
    network = dgnam_models.load("alexnet64")
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize(
    ("tap", "position", "start", "end"),
    [
        ("conv1", (16, 16), 30, 35),  # 5x5, stride 2: 2y - 2 to 2y + 2
        ("pool1", (8, 8), 30, 37),  # two of these
        ("conv2", (8, 8), 26, 41),  # three of these, 4 px apart
        ("conv3", (4, 4), 18, 53),  # 8y - 14 to 8y + 20
        ("conv4", (4, 4), 10, 61),
        ("conv5", (4, 4), 2, 64),  # would reach 68: the picture ends before
        ("conv3", (0, 0), 0, 21),
    ],
)
def test_alexnet(alexnet: Network, tap: str, position: tuple[int, int], start: int, end: int) -> None:
    assert field(alexnet, tap).box(position) == Box(start, start, end, end)


def test_as_it_is_served(alexnet: Network) -> None:
    """With weights that a processor has laid out in its own order, and that can be neither copied nor read."""
    served = dgnam_models.load("alexnet64")
    assert isinstance(served, Network) and any(isinstance(part, LaidOut) for part in lay_out_(served).modules())
    assert field(served, "conv2") == field(alexnet, "conv2")


def test_a_tap_without_a_map_has_no_field(alexnet: Network) -> None:
    assert receptive_field(alexnet, "fc6") is None


def test_rows_and_columns_are_not_mixed_up(alexnet: Network) -> None:
    assert field(alexnet, "conv1").box((3, 10)) == Box(4, 18, 9, 23)


class Squeezed(nn.Module):
    """A network of layers that other people's networks have; `se` looks at the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU6())
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.norm = nn.GroupNorm(1, 4)
        self.deep = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.se = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        with torch.no_grad():
            assert x.ndim == 4
        x = self.deep(self.pool(x))
        x = x + self.se(x * x.mean((2, 3), keepdim=True).sigmoid())
        return self.head(self.norm(x).mean((2, 3)))


def test_other_peoples_layers() -> None:
    network = Network.of(Squeezed(), "squeezed", Preprocessing((24, 32)))
    with torch.no_grad():
        network.get_submodule("module.module.stem.1").weight.zero_()  # wiring counts, not weights
    assert field(network, "stem.0").box((3, 5)) == Box(5, 9, 8, 12)  # 2y - 1 to 2y + 1
    assert field(network, "stem").box((3, 5)) == Box(5, 9, 8, 12)
    assert field(network, "pool").box((1, 2)) == Box(3, 7, 10, 14)  # 4y - 1 to 4y + 5
    assert field(network, "deep").box((2, 3)) == Box(3, 7, 18, 22)  # one more of these, 4 px apart, on either side
    assert field(network, "se").box((2, 3)) == Box(0, 0, 24, 32)


def field(network: Network, tap: str) -> ReceptiveField:
    found = receptive_field(network, tap)
    assert found is not None
    return found


@pytest.mark.parametrize(("name", "tap"), [("resnet64", "res3a"), ("inception64", "inception3a")])
def test_branches_and_sums(name: str, tap: str) -> None:
    network = dgnam_models.load(name)
    assert isinstance(network, Network)
    shape = next(t.shape for t in network.card.taps if t.name == tap)
    position = centre(shape)
    assert position is not None
    box = field(network, tap).box(position)
    images = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    network.activations(images, [tap])[tap][:, :, position[0], position[1]].square().sum().backward()
    assert images.grad is not None
    moved = images.grad.abs().sum((0, 1))
    assert (box.bottom - box.top) * (box.right - box.left) < 64 * 64
    rows, columns = moved.sum(1).nonzero(), moved.sum(0).nonzero()
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (box.top, box.bottom, box.left, box.right)
    assert box.crop(moved[None, None]).shape[2:] == (box.bottom - box.top, box.right - box.left)


def test_the_network_is_left_as_it_was(alexnet: Network) -> None:
    before = {name: value.clone() for name, value in alexnet.state_dict().items()}
    receptive_field(alexnet, "conv2")
    assert all(torch.equal(before[name], value) for name, value in alexnet.state_dict().items())


def test_centre() -> None:
    assert centre((3, 8, 5)) == (4, 2)
    assert centre((7,)) is None
