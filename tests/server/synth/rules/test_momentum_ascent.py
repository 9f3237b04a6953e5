"""Momentum by hand."""

import torch
from dgnam_server.synth.rules.momentum_ascent import momentum_ascent


def test_momentum_by_hand() -> None:
    code, velocity = torch.zeros(2, 1), torch.tensor([[1.0], [1.0]])
    rate, momentum, gradient = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.0]), torch.tensor([[2.0], [2.0]])
    code, velocity = momentum_ascent(code, gradient, rate, velocity, momentum)
    torch.testing.assert_close(velocity, torch.tensor([[1.9], [1.0]]))
    torch.testing.assert_close(code, velocity)
    code, velocity = momentum_ascent(code, gradient, rate, velocity, momentum)
    torch.testing.assert_close(velocity, torch.tensor([[2.71], [1.0]]))
    torch.testing.assert_close(code, torch.tensor([[4.61], [2.0]]))
