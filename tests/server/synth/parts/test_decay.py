"""Decay by hand."""

import torch
from dgnam_server.synth.parts.decay import shrink


def test_each_row_shrinks_by_its_own_share() -> None:
    code = torch.tensor([[1.0, -2.0], [1.0, -2.0]])
    torch.testing.assert_close(shrink(code, torch.tensor([0.01, 0.5])), torch.tensor([[0.99, -1.98], [0.5, -1.0]]))
