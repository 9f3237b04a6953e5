"""Where codes are moved to."""

import pytest
import torch
from dgnam_models.errors import RecipeError
from dgnam_models.lab.train.ascended import Ascent, ascent
from tiny_lite import stand_in


def test_a_code_moves_along_a_class_and_stays_within_the_bounds() -> None:
    """Two classes, along each axis one; from (3, 4), of length 5, a move goes up to 10 to the right, or up to the bound at 6."""
    where = Ascent(torch.eye(2), torch.tensor([20.0, 6.0]), length=2.0)
    torch.manual_seed(0)
    moved = where.moved(torch.tensor([[3.0, 4.0]]).expand(200, 2))
    right, up = moved[:, 0] - 3, moved[:, 1] - 4
    assert ((right == 0) ^ (up == 0)).all()
    assert 9 < right.max() <= 10
    assert up.max() == 2


def test_no_unit_falls_below_0() -> None:
    where = Ascent(torch.tensor([[-1.0, 0.0]]), torch.tensor([9.0, 9.0]), length=3.0)
    assert where.moved(torch.rand(50, 2)).min() == 0


def test_the_classes_of_a_network_are_directions_at_all_places_of_a_code_alike() -> None:
    encoder = stand_in()
    codes = torch.rand(10, 64) + torch.arange(10)[:, None]
    found = ascent(encoder, codes, 0.5)
    assert found.directions.shape == (5, 64)
    torch.testing.assert_close(found.directions.norm(dim=1), torch.ones(5))
    weight = encoder.module.get_submodule("stages.fc").weight[2]
    torch.testing.assert_close(found.directions[2].view(16, 4), (weight / weight.norm() / 2)[:, None].expand(16, 4))
    torch.testing.assert_close(found.bound, codes.mean(0) + 3 * codes.std(0))
    with pytest.raises(RecipeError, match="do not read the 63 units"):
        ascent(encoder, torch.rand(10, 63), 0.5)
