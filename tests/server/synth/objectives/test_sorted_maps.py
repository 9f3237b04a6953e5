"""Sorted maps by hand."""

import pytest
import torch
from dgnam_server.synth.objectives.objective import Shown
from dgnam_server.synth.objectives.sorted_maps import SORTED_MAPS, closeness, ordered
from slopes import assert_slope


def test_distributions_are_compared_by_hand() -> None:
    maps = torch.tensor([[[[2.0, 1.0]], [[0.0, 3.0]]]])
    assert ordered(maps).tolist() == [[[1.0, 2.0], [0.0, 3.0]]]
    wanted = torch.tensor([[[[1.0, 1.0], [2.0, 2.0]]]])
    weight = torch.tensor([[[3.0, 1.0]]])
    # the first map is off by (0, 1), the second by (-2, 1): (3 * 1 + 1 * 5) / (3 * 2 + 1 * 8)
    assert closeness(maps, wanted, weight).tolist() == [[pytest.approx(-8 / 14)]]
    assert closeness(maps.flip(3), ordered(maps)[None], weight).item() == 0, "where something is does not matter"


def test_exemplars_are_averaged_when_sorted() -> None:
    exemplars = torch.tensor([[[[5.0, 1.0]]], [[[1.0, 3.0]]]])
    assert SORTED_MAPS.wanted is not None
    assert SORTED_MAPS.wanted(Shown(exemplars, 0, 0)).tolist() == [1.0, 4.0, 1.0]
    assert SORTED_MAPS.wanted(Shown(exemplars, 0, 0, torch.tensor([0.5]))).tolist() == [1.0, 4.0, 0.5]


def test_its_gradient_is_what_finite_differences_say() -> None:
    wanted = torch.linspace(-1, 2, 60, dtype=torch.float64).view(1, 1, 3, 20)
    weight = torch.tensor([[[1.0, 0.5, 2.0]]], dtype=torch.float64)
    assert_slope(lambda maps: closeness(maps, wanted, weight))
