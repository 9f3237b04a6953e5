"""Normalized ascent by hand."""

import torch
from dgnam_server.synth.rules.normalized_ascent import normalized_ascent


def test_every_row_goes_as_far_as_its_rate_says() -> None:
    code, gradient = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[3.0, -1.0], [30.0, -10.0]])
    found = normalized_ascent(code, gradient, torch.tensor([0.5, 1.0]))
    torch.testing.assert_close(found, torch.tensor([[1.75, 1.75], [2.5, 1.5]]))
