"""Feature map inversion by hand."""

import torch
from dgnam_server.synth.objectives.feature_map import gathered


def test_all_that_is_active_is_gathered_in_one_map_by_hand() -> None:
    phi = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]], [[-5.0, 0.5]]]])
    assert gathered(phi, 1).tolist() == [[[[0.0, 0.0]], [[1.0, 5.5]], [[0.0, 0.0]]]]
