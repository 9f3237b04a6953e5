"""Normalization by hand."""

import torch
from dgnam_server.synth.parts.normalization import normalize


def test_normalization_by_hand() -> None:
    gradient = torch.tensor([1.0, -1.0, 3.0, -3.0]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
    found = normalize(gradient, torch.tensor([0.0, 1.0, 1.0]))
    torch.testing.assert_close(found[0], gradient[0])
    torch.testing.assert_close(found[1].flatten(), torch.tensor([1.0, -1.0, 3.0, -3.0]) / 5**0.5)
    assert normalize(torch.zeros(1, 3, 4, 4), torch.ones(1)).isfinite().all()
