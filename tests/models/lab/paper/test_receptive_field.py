"""Receptive fields against ones worked out by hand, and against what moves a unit of a trained network."""

import dgnam_models
import pytest
import torch
from dgnam_models import Network
from dgnam_models.lab.paper.receptive_field import Box, centre, receptive_field


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
        ("fc6", None, 0, 64),
    ],
)
def test_alexnet(alexnet: Network, tap: str, position: tuple[int, int] | None, start: int, end: int) -> None:
    assert receptive_field(alexnet, tap, position) == Box(start, start, end, end)


def test_rows_and_columns_are_not_mixed_up(alexnet: Network) -> None:
    assert receptive_field(alexnet, "conv1", (3, 10)) == Box(4, 18, 9, 23)


@pytest.mark.parametrize(("name", "tap"), [("resnet64", "res3a"), ("inception64", "inception3a")])
def test_branches_and_sums(name: str, tap: str) -> None:
    network = dgnam_models.load(name)
    assert isinstance(network, Network)
    shape = next(t.shape for t in network.card.taps if t.name == tap)
    position = centre(shape)
    assert position is not None
    box = receptive_field(network, tap, position)
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
    receptive_field(alexnet, "conv2", (0, 0))
    assert all(torch.equal(before[name], value) for name, value in alexnet.state_dict().items())


def test_centre() -> None:
    assert centre((3, 8, 5)) == (4, 2)
    assert centre((7,)) is None
