"""Update rules by hand, and Adam against PyTorch's."""

import torch
from dgnam_server.synth import updates


def test_momentum_by_hand() -> None:
    code, velocity = torch.zeros(2, 1), torch.tensor([[1.0], [1.0]])
    rate, momentum, gradient = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.0]), torch.tensor([[2.0], [2.0]])
    code, velocity = updates.momentum_ascent(code, gradient, rate, velocity, momentum)
    torch.testing.assert_close(velocity, torch.tensor([[1.9], [1.0]]))
    torch.testing.assert_close(code, velocity)
    code, velocity = updates.momentum_ascent(code, gradient, rate, velocity, momentum)
    torch.testing.assert_close(velocity, torch.tensor([[2.71], [1.0]]))
    torch.testing.assert_close(code, torch.tensor([[4.61], [2.0]]))


def test_adam_is_pytorchs() -> None:
    start = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.05, maximize=True)
    ours, mean, square = start, torch.zeros_like(start), torch.zeros_like(start)
    for step in range(5):
        gradient = ours.sin() + step
        theirs.grad = theirs.detach().sin() + step
        optimizer.step()
        ours, mean, square = updates.adam(ours, gradient, torch.tensor([0.05]), mean, square, torch.tensor([step]))
        torch.testing.assert_close(ours, theirs.detach())


def test_langevin_by_hand() -> None:
    code, gradient, noise = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[4.0, -2.0]] * 2), torch.tensor([[1.0, -1.0]] * 2)
    found = updates.langevin(code, gradient, torch.tensor([0.5, 0.0]), noise, torch.tensor([0.1, 3.0]))
    torch.testing.assert_close(found, torch.tensor([[3.1, 0.9], [4.0, -1.0]]))
