"""Colours altered alike in both pictures, by what is allowed, and differentiably."""

import torch
from dgnam_models.lab.train.colour_jitter import BRIGHTNESS, CONTRAST, colour_jitter


def test_both_pictures_change_alike_and_every_row_otherwise() -> None:
    pictures = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    one, other = colour_jitter((pictures, pictures.clone()), 1.0)
    assert torch.equal(one, other)
    change = (one - pictures).abs().mean((1, 2, 3))
    assert len(set(change.tolist())) == 3 and change.min() > 0
    torch.manual_seed(1)
    assert torch.equal(colour_jitter((pictures,), 1.0)[0], one), "a function of the seed"


def test_nothing_changes_at_0() -> None:
    pictures = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(colour_jitter((pictures,), 0.0)[0], pictures)


def test_grey_stays_grey_and_moves_within_the_limits() -> None:
    """Of a grey ramp from 0 to 1 the mean moves by brightness alone, the range by contrast alone."""
    ramp = torch.linspace(0, 1, 64).view(1, 1, 8, 8).expand(200, 3, 8, 8)
    (altered,) = colour_jitter((ramp,), 1.0)
    torch.testing.assert_close(altered[:, 0], altered[:, 2], atol=1e-5, rtol=0)
    moved = altered.mean((1, 2, 3)) - 0.5
    assert 0.9 * BRIGHTNESS < moved.abs().max() <= BRIGHTNESS + 1e-5
    ranges = altered.amax((1, 2, 3)) - altered.amin((1, 2, 3))
    assert 1 - CONTRAST - 1e-5 <= ranges.min() < 0.8 and 1.2 < ranges.max() <= 1 + CONTRAST + 1e-5


def test_gradients_pass() -> None:
    pictures = torch.rand(2, 3, 8, 8, requires_grad=True)
    colour_jitter((pictures,), 1.0)[0].square().sum().backward()
    assert pictures.grad is not None and (pictures.grad != 0).all()
