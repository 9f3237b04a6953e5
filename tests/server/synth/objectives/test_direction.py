"""A direction by hand."""

import torch
from dgnam_server.synth.objectives.direction import along


def test_along_a_direction_by_hand() -> None:
    activation, direction = torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([[[0.5, 0.0, -2.0]]])
    assert along(activation, direction).tolist() == [[0.5 - 6.0]]
