"""Coarse gradients against those of a smaller image."""

import torch
from dgnam_server.synth.parts.octaves import coarse
from dgnam_server.synth.pyramids import expand
from torch import Tensor


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_a_coarse_gradient_is_that_of_the_smaller_image() -> None:
    image = noise(1, 3, 4, 4).requires_grad_()
    weight = noise(1, 3, 16, 16)
    large = expand(expand(image, (8, 8)), (16, 16))
    (gradient,) = torch.autograd.grad((large * weight).sum(), image)
    step = expand(expand(gradient, (8, 8)), (16, 16))
    found = coarse(weight, torch.tensor([2]))
    torch.testing.assert_close(found, step / 16)
    torch.testing.assert_close(coarse(weight, torch.tensor([0])), weight)
