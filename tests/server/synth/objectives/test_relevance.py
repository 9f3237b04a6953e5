"""Relevance by hand."""

import torch
from dgnam_server.synth.objectives.relevance import relevance


def test_what_speaks_for_the_unit_is_summed_by_hand() -> None:
    activation = torch.tensor([[[[1.0, 2.0]], [[3.0, 1.0]]], [[[0.0, 1.0]], [[1.0, 1.0]]]])
    slope = torch.tensor([[[[1.0, -1.0]], [[1.0, 1.0]]], [[[5.0, 1.0]], [[-2.0, 2.0]]]])
    # the first map: 1 and 1; the second: 3 + 1 and 2
    assert relevance(activation, slope).tolist() == [0.5, 1.5]


def test_where_nothing_speaks_for_it_all_maps_count_alike() -> None:
    assert relevance(torch.ones(1, 3, 2, 2), -torch.ones(1, 3, 2, 2)).tolist() == [1, 1, 1]
