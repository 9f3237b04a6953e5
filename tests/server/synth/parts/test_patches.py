"""The distance to photographs' patches by hand."""

import torch
from dgnam_server.synth.parts.patches import patch_distance


def test_patch_distance_by_hand() -> None:
    """Equation 7, and its gradient, which leaves the photographs' patches alone."""
    cut = torch.tensor([[[1.0, 2.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]], requires_grad=True)
    nearest = torch.tensor([[[1.0, 0.0], [3.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]]], requires_grad=True)
    distance = patch_distance(cut, nearest)
    assert distance.tolist() == [4 + 9, 1]
    distance.sum().backward()
    assert cut.grad is not None and cut.grad.tolist() == [[[0, 4], [-6, 0]], [[0, -2], [0, 0]]]
    assert nearest.grad is None
