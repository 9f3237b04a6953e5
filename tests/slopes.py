"""Gradients against finite differences."""

from collections.abc import Callable

import torch
from torch import Tensor


def assert_slope(penalty: Callable[[Tensor], Tensor]) -> None:
    """The gradient of `penalty`, of two small images in float64, is what five nudges of single values say."""
    image = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(penalty(image).sum(), image)
    step = 1e-5
    for at in [(0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 3), (1, 0, 3, 0), (0, 2, 0, 4)]:
        nudge = torch.zeros_like(image)
        nudge[at] = step
        with torch.no_grad():
            slope = (penalty(image + nudge) - penalty(image - nudge)).sum() / (2 * step)
        torch.testing.assert_close(gradient[at], slope, rtol=1e-5, atol=1e-8)
