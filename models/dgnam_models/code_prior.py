"""The code prior: what codes of photographs are like, to draw new ones from, behind which no photograph stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.special import log_ndtr

from dgnam_models.mixture_denoiser import MIXTURE as MIXTURE
from dgnam_models.network import Generator

CHUNK = 32  # draws that are made together, and judged in one step of the engine: about as much work as a step of a batch
REACHED = 40.0  # deviations: beyond them lies less than the least share that a float64 can say
REACH = 3.0  # how far from their mean code units are drawn, in standard deviations: the bound of Nguyen et al. 2016, section 2.2


@dataclass(frozen=True, eq=False)
class Condition:
    """That `slope z = value` of a draw's z; `step` is where z moves where that value is one larger.

    Attributes:
        slope, step: (K,), of product 1.
    """

    slope: Tensor
    value: float
    step: Tensor


@dataclass(frozen=True, eq=False)
class CodePrior:
    """A mixture of Gaussians with one common covariance, over a few directions in which codes vary.

        m ~ weights,  z = centres_m + L e,  e ~ N(0, 1),  y = min(max(mean + z V, lower), upper)

    A single Gaussian is a mixture of one.

    Attributes:
        mean, lower, upper: (D,), a code's.
        directions: V, (K, D); None: the units themselves, K = D.
        scale: (K,), the standard deviation of photographs' codes along each direction.
        centres: (M, K).
        weights: (M,) float64, of sum 1.
        spread: L, (K, K) lower triangular, or (K,) where it is diagonal.
        condition: what all draws have in common; None: nothing.
    """

    mean: Tensor
    lower: Tensor
    upper: Tensor
    directions: Tensor | None
    scale: Tensor
    centres: Tensor
    weights: np.ndarray
    spread: Tensor
    condition: Condition | None = None

    @property
    def is_mixture(self) -> bool:
        """Whether it has more than one centre."""
        return len(self.weights) > 1

    def draw(self, count: int, seed: int = 0) -> Tensor:
        """The first `count` codes of this seed, (count, D) float32; the first of more are the same."""
        chunks = [self.chunk(number, seed) for number in range(-(-count // CHUNK))]
        return torch.cat(chunks)[:count] if chunks else self.mean.new_empty(0, len(self.mean))

    def chunk(self, number: int, seed: int = 0) -> Tensor:
        """The codes number `CHUNK * number` and following, (CHUNK, D) float32.

        Random source: a numpy generator of the seed and the chunk's number.
        """
        z = self.latents(number, seed)
        y = self.mean + (z if self.directions is None else z @ self.directions)
        return y.maximum(self.lower).minimum(self.upper)

    def latents(self, number: int, seed: int = 0) -> Tensor:
        """z of the same codes, (CHUNK, K)."""
        random = _random(seed, number)
        centre = torch.from_numpy(self._centres(random))
        noise = random.standard_normal((CHUNK, self.centres.shape[1]), dtype=np.float32)
        e = torch.from_numpy(noise).to(self.mean.device)
        z = self.centres[centre.to(self.mean.device)] + (e @ self.spread.T if self.spread.ndim == 2 else e * self.spread)
        if self.condition is None:
            return z
        missing = self.condition.value - z @ self.condition.slope
        return z + missing[:, None] * self.condition.step

    def centres_of(self, count: int, seed: int = 0) -> np.ndarray:
        """Which centre each of the first `count` codes of this seed was drawn about, (count,) int64."""
        chunks = [self._centres(_random(seed, number)) for number in range(-(-count // CHUNK))]
        return np.concatenate([np.empty(0, np.int64), *chunks])[:count]

    def _centres(self, random: np.random.Generator) -> np.ndarray:
        return np.minimum(np.searchsorted(self.weights.cumsum(), random.random(CHUNK), side="right"), len(self.weights) - 1)

    def given(self, slope: Tensor, rarity: float) -> "CodePrior":
        """Draws whose `slope z` is always as large as only a share `rarity` of this prior's have it, and which are otherwise like them.

            p(slope z > t) = rarity,  weights' ~ weights N(t; slope centres, s^2),  s^2 = |L^T slope|^2,
            z' = z + (t - slope z) L L^T slope / s^2

        which is the mixture's own distribution given `slope z = t`: no draw need be thrown away. A slope of 0 leaves all as it is.

        Args:
            slope: (K,).
            rarity: within (0, 1).
        """
        step = self.spread @ (self.spread.T @ slope) if self.spread.ndim == 2 else self.spread.square() * slope
        variance = float(step @ slope)
        if not variance > 0:
            return self
        places, deviation = (self.centres @ slope).double().cpu(), variance**0.5
        weights = torch.from_numpy(self.weights).log()
        value = _exceeded(places, deviation, weights, rarity)
        likely = (weights - ((value - places) / deviation).square() / 2).softmax(0).numpy()
        return replace(self, weights=likely / likely.sum(), condition=Condition(slope, value, step / variance))

    def whitened(self, gradient: Tensor) -> Tensor:
        """`w^1/2 V g`, (B, K), of gradients g by the code, (B, D): those by a code whose directions all have the same deviation."""
        return (gradient if self.directions is None else gradient @ self.directions.T) * self.scale

    def coloured(self, step: Tensor) -> Tensor:
        """`V^T w^1/2 u`, (B, D): the step in the code that a step u (B, K) in such a code is; the length of u is its Mahalanobis length."""
        scaled = step * self.scale
        return scaled if self.directions is None else scaled @ self.directions


def of(generator: Generator) -> CodePrior:
    """What is known of the generator's codes.

    The mixture in its weight file; else a Gaussian over the principal components there; else one over those of its denoiser; else its
    code units' own means and deviations, independent of each other.
    """
    known, denoiser = generator.code_statistics, generator.denoiser
    mean, std = generator.code_mean, generator.code_std
    assert generator.card.code is not None
    lower = mean - REACH * std if generator.card.code.signed else torch.zeros_like(std)
    limits = (lower, mean + REACH * std)
    if set(MIXTURE) <= set(known):
        weights = known["weights"].double().cpu().numpy()
        scale = known["variances"].sqrt()
        return CodePrior(mean, *limits, known["components"], scale, known["centres"], weights / weights.sum(), known["spread"])
    if {"components", "variances"} <= set(known):
        return _gaussian(mean, limits, known["components"], known["variances"].sqrt())
    if denoiser is not None:
        basis = denoiser.basis.float()
        scale = basis.norm(dim=1)
        return _gaussian(denoiser.mean.float(), limits, basis / scale[:, None], scale)
    return _gaussian(mean, limits, None, std)


def problems(statistics: Mapping[str, Tensor], units: int) -> list[str]:
    """What is wrong with the components and the mixture of codes of so many units, where there are any."""
    known = {name: tuple(statistics[name].shape) for name in MIXTURE if name in statistics}
    if not known:
        return []
    needed = MIXTURE if set(known) - {"components", "variances"} else MIXTURE[:2]
    if missing := [name for name in needed if name not in known]:
        return [f"code.{name} is missing" for name in missing]
    directions, centres = known["components"][0], known.get("centres", (0,))[0]
    shapes = {
        "components": (directions, units),
        "variances": (directions,),
        "centres": (centres, directions),
        "weights": (centres,),
        "spread": (directions, directions),
    }
    return [f"code.{name} has the shape {shape}; it must be {shapes[name]}" for name, shape in known.items() if shape != shapes[name]]


def _gaussian(mean: Tensor, limits: tuple[Tensor, Tensor], directions: Tensor | None, scale: Tensor) -> CodePrior:
    return CodePrior(mean, *limits, directions, scale, torch.zeros_like(scale)[None], np.ones(1), scale)


def _exceeded(places: Tensor, deviation: float, weights: Tensor, share: float) -> float:
    """What a share of a mixture's numbers exceed: Gaussians of one deviation at `places` (M,), with the logarithms of their weights."""
    low, high = float(places.min()) - REACHED * deviation, float(places.max()) + REACHED * deviation
    for _ in range(60):  # halved so often, nothing is left between them
        middle = (low + high) / 2
        above = float((weights + log_ndtr((places - middle) / deviation)).logsumexp(0).exp())
        low, high = (middle, high) if above > share else (low, middle)
    return middle


def _random(seed: int, chunk: int) -> np.random.Generator:
    return np.random.default_rng((seed, chunk))
