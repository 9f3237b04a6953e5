"""Penalties against numbers worked out by hand, and their gradients against finite differences."""

from collections.abc import Callable

import pytest
import torch
from dgnam_server.synth.penalties import p_norm, patch_distance, total_variation
from torch import Tensor

PENALTIES = [p_norm, total_variation]


def test_p_norm_by_hand() -> None:
    image = torch.tensor([[[[1.0, 0.0]], [[2.0, 0.0]]]])  # one row, two channels, 1 x 2 pixels
    # p = 2: (1 + 4) / (1 * 2 * 2^2); p = 4: (1 + 4)^2 / (1 * 2 * 2^4)
    torch.testing.assert_close(p_norm(image.repeat(2, 1, 1, 1), torch.tensor([2.0, 4.0])), torch.tensor([5 / 8, 25 / 32]))


def test_total_variation_by_hand() -> None:
    image = torch.tensor([[[[0.0, 3.0], [4.0, 4.0]]]])
    # differences (across, down): (3, 4), (-, 1), (0, -), none; beta = 1: 5 + 1; beta = 2: 25 + 1; 4 pixels
    found = total_variation(image.repeat(3, 1, 1, 1), torch.tensor([1.0, 2.0, 2.0]))
    torch.testing.assert_close(found, torch.tensor([6 / 4, 26 / 4, 26 / 4]), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(total_variation(image, torch.tensor([2.0]), size=2.0), torch.tensor([26 / 16]))


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.5, 6.0])
def test_gradients_are_those_of_finite_differences(penalty: Callable[[Tensor, Tensor], Tensor], exponent: float) -> None:
    image = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    exponents = torch.full((2,), exponent, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(penalty(image, exponents).sum(), image)
    step = 1e-5
    for at in [(0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 3), (1, 0, 3, 0), (0, 2, 0, 4)]:
        nudge = torch.zeros_like(image)
        nudge[at] = step
        with torch.no_grad():
            slope = (penalty(image + nudge, exponents) - penalty(image - nudge, exponents)).sum() / (2 * step)
        torch.testing.assert_close(gradient[at], slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_rows_are_alone_and_flat_pictures_have_a_finite_slope(penalty: Callable[[Tensor, Tensor], Tensor]) -> None:
    image = torch.randn(3, 3, 8, 6, generator=torch.Generator().manual_seed(1))
    exponents = torch.tensor([1.0, 2.0, 3.0])
    together = penalty(image, exponents)
    assert together.shape == (3,)
    for row in range(3):
        torch.testing.assert_close(penalty(image[row : row + 1], exponents[row : row + 1])[0], together[row])
    flat = torch.zeros(3, 3, 8, 6, requires_grad=True)
    assert torch.autograd.grad(penalty(flat, exponents).sum(), flat)[0].isfinite().all()


def test_patch_distance_by_hand() -> None:
    """Equation 7, and its gradient, which leaves the photographs' patches alone."""
    cut = torch.tensor([[[1.0, 2.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]], requires_grad=True)
    nearest = torch.tensor([[[1.0, 0.0], [3.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]]], requires_grad=True)
    distance = patch_distance(cut, nearest)
    assert distance.tolist() == [4 + 9, 1]
    distance.sum().backward()
    assert cut.grad is not None and cut.grad.tolist() == [[[0, 4], [-6, 0]], [[0, -2], [0, 0]]]
    assert nearest.grad is None
