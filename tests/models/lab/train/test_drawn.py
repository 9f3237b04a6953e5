"""Codes that are drawn towards classes."""

import pytest
import torch
from dgnam_models.lab.train.drawn import Draws, fit
from torch import Tensor

UNITS, CLASSES = 12, 5
WEIGHTS = torch.randn(UNITS, CLASSES, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def codes() -> Tensor:
    """About a few places, and never negative."""
    random = torch.Generator().manual_seed(2)
    places = 3 + torch.randn(6, UNITS, generator=random)
    return (places[torch.arange(3000) % 6] + 0.5 * torch.randn(3000, UNITS, generator=random)).clamp_min(0)


@pytest.fixture(scope="module")
def draws(codes: Tensor) -> Draws:
    """Of classes whose logits are linear in the codes; those of a third of the codes are known."""
    return fit(codes, codes[:1000] @ WEIGHTS, torch.stack([torch.zeros(UNITS), codes.max(0).values]))


def test_draws_have_more_of_their_class_than_the_codes_have(draws: Draws, codes: Tensor) -> None:
    torch.manual_seed(0)
    drawn, unit = draws.take(200)
    assert set(unit[:, 0].tolist()) == set(range(CLASSES))
    own = (drawn @ WEIGHTS).gather(1, unit)[:, 0]
    usual = (codes @ WEIGHTS).quantile(0.9, dim=0)
    assert (own > usual[unit[:, 0]]).float().mean() > 0.9


def test_draws_lie_within_the_bounds_and_differ(draws: Draws, codes: Tensor) -> None:
    torch.manual_seed(0)
    drawn, _ = draws.take(50)
    assert drawn.min() >= 0 and (drawn <= codes.max(0).values).all()
    assert len(drawn.unique(dim=0)) == 50


def test_the_same_random_numbers_draw_the_same_codes(draws: Draws) -> None:
    taken = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        taken.append(draws.take(3)[0])
    assert torch.equal(taken[0], taken[1]) and not torch.equal(taken[0], taken[2])


def test_a_unit_that_never_varies_is_drawn_too() -> None:
    """ReLUs that no photograph wakes are common in codes."""
    codes = torch.rand(60, 4) * torch.tensor([1.0, 1.0, 0.0, 1.0])
    drawn, _ = fit(codes, codes[:, :1], torch.stack([torch.zeros(4), codes.max(0).values])).take(4)
    assert drawn.isfinite().all() and drawn[:, 2].abs().max() == 0
