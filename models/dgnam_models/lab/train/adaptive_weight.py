"""The weight of the adversarial term, set anew as training goes on."""

import torch
from torch import Tensor

EVERY = 16  # steps; measuring costs two gradients through the frozen network
KEPT = 0.9  # of the former weight, at each measurement


class AdaptiveWeight:
    """`w <- 0.9 w + 0.1 L |dF/dx| / |dA/dx|`, F the feature loss, A the adversarial one, x the drawn pictures (B, 3, H, W).

    So neither takes over, whatever the critic's scale (Esser et al. 2021, arXiv 2012.09841, eq. 7; there the gradient is at the last
    layer's weights). The first measurement is taken as it is.

    Args:
        length: L, how long the adversarial gradient is to be in lengths of the feature loss's.
    """

    def __init__(self, length: float) -> None:
        self._length = length
        self.value: float | None = None

    def measure(self, feature: Tensor, adversarial: Tensor, drawn: Tensor) -> None:
        """Measure both gradients; the graph stays for the step itself."""
        long, short = (torch.autograd.grad(loss, drawn, retain_graph=True)[0].float().norm() for loss in (feature, adversarial))
        ratio = self._length * float(long / short.clamp_min(1e-9))
        self.value = ratio if self.value is None else KEPT * self.value + (1 - KEPT) * ratio
