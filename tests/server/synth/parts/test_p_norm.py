"""The p-norm by hand, and its slope against finite differences."""

import pytest
import torch
from dgnam_server.synth.parts.p_norm import p_norm
from slopes import assert_slope


def test_p_norm_by_hand() -> None:
    image = torch.tensor([[[[1.0, 0.0]], [[2.0, 0.0]]]])  # one row, two channels, 1 x 2 pixels
    # p = 2: (1 + 4) / (1 * 2 * 2^2); p = 4: (1 + 4)^2 / (1 * 2 * 2^4)
    torch.testing.assert_close(p_norm(image.repeat(2, 1, 1, 1), torch.tensor([2.0, 4.0])), torch.tensor([5 / 8, 25 / 32]))


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.5, 6.0])
def test_its_slope_is_that_of_finite_differences(exponent: float) -> None:
    assert_slope(lambda image: p_norm(image, torch.full((2,), exponent, dtype=torch.float64)))
