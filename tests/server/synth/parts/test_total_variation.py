"""Total variation by hand, and its slope against finite differences."""

import pytest
import torch
from dgnam_server.synth.parts.total_variation import total_variation
from slopes import assert_slope


def test_total_variation_by_hand() -> None:
    image = torch.tensor([[[[0.0, 3.0], [4.0, 4.0]]]])
    # differences (across, down): (3, 4), (-, 1), (0, -), none; beta = 1: 5 + 1; beta = 2: 25 + 1; 4 pixels
    found = total_variation(image.repeat(3, 1, 1, 1), torch.tensor([1.0, 2.0, 2.0]))
    torch.testing.assert_close(found, torch.tensor([6 / 4, 26 / 4, 26 / 4]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.5, 6.0])
def test_its_slope_is_that_of_finite_differences(exponent: float) -> None:
    assert_slope(lambda image: total_variation(image, torch.full((2,), exponent, dtype=torch.float64)))
