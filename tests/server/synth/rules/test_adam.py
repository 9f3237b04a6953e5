"""Adam against PyTorch's."""

import torch
from dgnam_server.synth.rules.adam import adam


def test_adam_is_pytorchs() -> None:
    start = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.05, maximize=True)
    ours, mean, square = start, torch.zeros_like(start), torch.zeros_like(start)
    for step in range(5):
        gradient = ours.sin() + step
        theirs.grad = theirs.detach().sin() + step
        optimizer.step()
        ours, mean, square = adam(ours, gradient, torch.tensor([0.05]), mean, square, torch.tensor([step]))
        torch.testing.assert_close(ours, theirs.detach())
