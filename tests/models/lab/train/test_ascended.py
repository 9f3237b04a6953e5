"""Codes where an ascent leads."""

from dataclasses import replace

import pytest
import torch
from dgnam_models import Network
from dgnam_models.lab.train.ascended import AMONG, ANY, Ascent, bounds
from tiny_lite import SIDE, stand_in
from torch import Tensor

UNITS = 8
FAR = torch.tensor([0.0, 99.0])[:, None].expand(2, UNITS)


def draw(code: Tensor) -> Tensor:
    """Every unit is a picture of its own, and they are added."""
    pictures = torch.rand(UNITS, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return torch.einsum("bd,dchw->bchw", code, pictures) / UNITS


@pytest.fixture(scope="module")
def network() -> Network:
    return stand_in()


@pytest.fixture
def ascent(network: Network) -> Ascent:
    """Without a bound that is ever met, and with a view that does not move."""
    return Ascent(network, FAR, 0.5, 4, shift_px=0.0, scale=0.0, degrees=0.0)


def codes(count: int) -> Tensor:
    return 4 + torch.rand(count, UNITS, generator=torch.Generator().manual_seed(2))


def moved(ascent: Ascent, code: Tensor, seed: int = 0, unit: int = ANY) -> Tensor:
    torch.manual_seed(seed)
    return ascent.moved(code, draw, torch.full((len(code), 1), unit))


def test_a_unit_is_climbed_a_way_of_at_most_its_length(ascent: Ascent, network: Network) -> None:
    start = codes(20)
    gained = network.logits(draw(moved(ascent, start))) - network.logits(draw(start))
    assert (gained.max(dim=1).values > 0).all()
    for length in (0.5, 0.1):  # in one step, which has no turns
        end = moved(replace(ascent, length=length, steps=1), start)
        far = (end - start).norm(dim=1) / start.norm(dim=1) / length
        assert 0 < far.min() < 0.2 < 0.8 < far.max() <= 1 + 1e-6


def test_of_many_classes_one_of_the_strongest_is_climbed(network: Network) -> None:
    """So many classes that most are never climbed: the first ones are the strongest, by a large margin."""
    asked: list[Tensor] = []

    class Wide(Network):
        def logits(self, image: Tensor) -> Tensor:
            one = image.mean((1, 2, 3))[:, None] - torch.arange(4.0 * AMONG)
            one.register_hook(lambda gradient: asked.append(gradient.argmax(1)))
            return one

    wide = Wide(network.card, network.module)
    moved(Ascent(wide, FAR, 0.5, 3), codes(200))
    first, *later = asked
    assert first.max() < AMONG and len(first.unique()) > AMONG // 2
    assert all(torch.equal(one, first) for one in later), "a code stays with its class"


def test_a_wanted_unit_is_climbed(ascent: Ascent, network: Network) -> None:
    start, short = codes(6), replace(ascent, length=0.1)
    for unit in (0, 3):
        gained = network.logits(draw(moved(short, start, unit=unit))) - network.logits(draw(start))
        assert (gained[:, unit] > 0).all()


def test_codes_stay_within_their_bounds(ascent: Ascent) -> None:
    for least, largest in ((0.0, 4.5), (-0.5, 4.5)):
        narrow = replace(ascent, bounds=torch.tensor([least, largest])[:, None].expand(2, UNITS), length=3.0)
        end = moved(narrow, codes(20))
        assert (end.min(), end.max()) == (least, largest)


def test_the_same_random_numbers_lead_to_the_same_codes(ascent: Ascent) -> None:
    jittered = replace(ascent, shift_px=2.0, scale=0.1, degrees=10.0)
    assert torch.equal(moved(jittered, codes(3)), moved(jittered, codes(3)))
    assert not torch.equal(moved(jittered, codes(3)), moved(jittered, codes(3), seed=1))


def test_the_bounds_are_three_deviations_about_the_mean_but_0_where_no_code_is_negative() -> None:
    upper = torch.tensor([2 + 3 * 2**0.5, 0.0])
    torch.testing.assert_close(bounds(torch.tensor([[1.0, 0.0], [3.0, 0.0]])), torch.stack([torch.zeros(2), upper]))
    signed = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    torch.testing.assert_close(bounds(signed), torch.tensor([[-3 * 2**0.5, 0.0], [3 * 2**0.5, 0.0]]))
