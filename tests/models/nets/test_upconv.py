"""The generator's parts that the source has not, and its two ways to begin."""

import pytest
import torch
from dgnam_models import nets
from dgnam_models.nets.upconv import Grain, binomial

SIZES = {"code": 64, "seed_channels": 6, "channels": [8, 4]}


def test_the_filter_removes_a_checkerboard_and_keeps_a_flat_image() -> None:
    ones = torch.ones(1, 2, 6, 6)
    torch.testing.assert_close(binomial(3 * ones), 3 * ones)
    board = (-1.0) ** (torch.arange(6)[:, None] + torch.arange(6))
    torch.testing.assert_close(binomial(board.expand(1, 2, 6, 6))[..., 1:5, 1:5], torch.zeros(1, 2, 4, 4))
    dot = torch.zeros(1, 1, 5, 5)
    dot[..., 2, 2] = 16
    assert binomial(dot)[0, 0, 1:4, 1:4].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_grain_is_the_same_every_time_and_adds_the_mixed_maps() -> None:
    one, other = Grain(3, 5, 8), Grain(3, 5, 8)
    assert torch.equal(one.noise, other.noise)
    added = one(torch.zeros(2, 5, 8, 8))
    expected = sum(one.weight[4, m] * one.noise[m] for m in range(3))
    torch.testing.assert_close(added[1, 4], expected)


@pytest.mark.parametrize("hidden", [10, 0])
@pytest.mark.parametrize(("smooth", "grain"), [(False, 0), (True, 3)])
def test_it_draws_and_folds(hidden: int, smooth: bool, grain: int) -> None:
    torch.manual_seed(0)
    settings = {**SIZES, "hidden": hidden, "smooth": smooth, "grain": grain}
    network = nets.build("upconv", {**settings, "normalized": True})
    network(torch.rand(32, 64))  # statistics to fold
    network.eval()
    code = torch.rand(3, 64)
    drawn = network(code)
    assert drawn.shape == (3, 3, 16, 16)
    folded = nets.fold_(network)
    torch.testing.assert_close(folded(code), drawn, atol=1e-4, rtol=1e-4)
    nets.build("upconv", settings).load_state_dict(folded.state_dict())
