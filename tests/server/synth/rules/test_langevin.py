"""Langevin steps by hand."""

import torch
from dgnam_server.synth.rules.langevin import langevin


def test_langevin_by_hand() -> None:
    code, gradient, noise = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[4.0, -2.0]] * 2), torch.tensor([[1.0, -1.0]] * 2)
    found = langevin(code, gradient, torch.tensor([0.5, 0.0]), noise, torch.tensor([0.1, 3.0]))
    torch.testing.assert_close(found, torch.tensor([[3.1, 0.9], [4.0, -1.0]]))
