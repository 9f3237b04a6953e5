"""Blur by hand."""

import torch
from dgnam_server.synth.parts.blur import blur


def test_blur_by_hand() -> None:
    dot = torch.zeros(2, 1, 9, 9, dtype=torch.float64)
    dot[:, :, 4, 4] = 1
    found = blur(dot, torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(found[0], dot[0])
    profile = torch.exp(-(torch.arange(-4.0, 5.0, dtype=torch.float64) ** 2) / 2)
    expected = profile[:, None] * profile
    torch.testing.assert_close(found[1, 0] / found[1, 0, 4, 4], expected, rtol=1e-3, atol=1e-3)
    flat = torch.full((1, 3, 5, 7), 0.2)
    torch.testing.assert_close(blur(flat, torch.tensor([3.0])), flat)
