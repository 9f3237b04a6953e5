"""Features by hand."""

import pytest
import torch
from dgnam_server.synth.objectives.features import likeness
from slopes import assert_slope


def test_likeness_is_equation_4_by_hand() -> None:
    wanted = torch.tensor([[[3.0, 4.0], [1.0, 1.0]]])
    assert likeness(torch.tensor([[0.0, 4.0]]), wanted)[0].tolist() == pytest.approx([-9 / 25, -(1 + 9) / 2])
    assert likeness(wanted[:, 0], wanted)[0, 0] == 0
    assert likeness(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 1, 2)).tolist() == [[-25.0]], "what fills up stays finite"


def test_its_gradient_is_what_finite_differences_say() -> None:
    wanted = torch.linspace(-1, 2, 60, dtype=torch.float64).view(1, 1, 60)
    assert_slope(lambda maps: likeness(maps.flatten(1), wanted))
