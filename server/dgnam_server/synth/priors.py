"""Image parametrisations: what is optimized, and how it becomes a picture."""

import numpy as np
import torch
from dgnam_models import Generator
from torch import Tensor


class GeneratorPrior:
    """A generator's code (B, D), kept inside the range of real photographs' codes (Nguyen et al. 2016, section 2)."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def random_code(self, seed: int) -> Tensor:
        """(1, D) standard normal values, not clipped, as the released script starts.

        Random source: a numpy generator of its own; torch's would look at the seed's lower 32 bits only.
        """
        values = np.random.default_rng(seed).standard_normal((1, self.generator.code_size), dtype=np.float32)
        return torch.from_numpy(values).to(self.generator.code_mean.device)

    def bound(self, multiplier: float) -> Tensor:
        """(1, D) upper bounds `mean + multiplier * std` (Nguyen et al. 2016, section 2.2; 3 is the paper's)."""
        return (self.generator.code_mean + multiplier * self.generator.code_std)[None]

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W) float32 RGB, nominally in [0, 1], not clipped."""
        image: Tensor = self.generator(code)
        return image
