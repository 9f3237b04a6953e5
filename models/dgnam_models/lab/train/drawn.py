"""Codes that are drawn towards classes: where `dgn-am` begins its ascents, so where a generator must draw objects first of all."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgnam_models import mixture
from dgnam_models.code_prior import MIXTURE, CodePrior

COMPONENTS = 240  # in which codes vary; fewer where there are few codes, as of the centres:
CENTRES = 1000
CODES_A_CENTRE = 20
RARITY = 1e-6  # only so few draws would have as much of their class, if logits were linear in codes


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of a mixture of photographs' codes towards class units.

    Attributes:
        prior: the mixture.
        slopes: (K, U), of each class's logit along each direction of the mixture.
    """

    prior: CodePrior
    slopes: Tensor

    def take(self, count: int) -> tuple[Tensor, Tensor]:
        """Codes (count, D), and the class unit (count, 1) int64 that each is drawn towards, any.

        Random source: torch's own on the processor, which the run seeds at every step.
        """
        units = torch.randint(self.slopes.shape[1], (count, 1))
        seeds = torch.randint(2**31, (count,)).tolist()
        codes = [self.prior.given(self.slopes[:, unit], RARITY).chunk(0, seed)[0] for unit, seed in zip(units[:, 0], seeds, strict=True)]
        return torch.stack(codes), units


def fit(codes: Tensor, logits: Tensor, bounds: Tensor) -> Draws:
    """What draws codes like `codes` (N, D) of photographs, towards the classes of whose `logits` (M, U), of the first M, a line is made.

    The slope of the line is `cov(z_k, logit) / var(z_k)` along each direction k, as for draws towards a target in synthesis.

    Args:
        bounds: (2, D), the least code there is, and the largest.
    """
    lower, upper = bounds
    mean, components = codes.mean(0), min(COMPONENTS, len(codes) // 2, codes.shape[1])
    found = mixture.fit(lambda: codes.split(4096), mean, components, min(CENTRES, -(-len(codes) // CODES_A_CENTRE)))
    directions, variances, centres, weights, spread = (found[name] for name in MIXTURE)
    prior = CodePrior(mean, lower, upper, directions, variances.sqrt(), centres, (weights.double() / weights.sum()).numpy(), spread)
    z = (codes[: len(logits)] - mean) @ directions.T
    z -= z.mean(0)
    return Draws(prior, z.T @ logits / z.square().sum(0).clamp_min(1e-30)[:, None])
