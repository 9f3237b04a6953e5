"""The space that is searched: points about 0, as optimizers like them, and the codes that they stand for."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from dgnam_models import Generator, code_prior
from torch import Tensor

from dgnam_server.synth.priors import FourierPrior

_CONTRAST = 1.0  # standard deviation of the logits of a spectrum's typical picture, whose grey values then deviate by about 0.2


@dataclass(frozen=True, eq=False)
class Space:
    """Points x (D,) and codes c (C,):

        c = min(max(mean + (scale * x) V, lower), upper)

    Photographs' points have a standard deviation of about 1 along each axis. No code leaves the bounds of the prior's card (Nguyen et al.
    2016, section 2.2), wherever a point may lie.

    Attributes:
        mean, lower, upper: (C,).
        scale: (D,).
        directions: V, (D, C), of length 1 and at right angles; None: the code's own units, D = C.
        draw: a number and a seed -> so many codes as photographs have them, (N, C).
    """

    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    scale: np.ndarray
    directions: np.ndarray | None
    draw: Callable[[int, int], np.ndarray]

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self.scale)

    def codes(self, points: np.ndarray) -> np.ndarray:
        """Points (N, D) -> codes (N, C) float32."""
        steps = points * self.scale
        codes = self.mean + (steps if self.directions is None else steps @ self.directions)
        within: np.ndarray = np.clip(codes, self.lower, self.upper).astype(np.float32)
        return within

    def points(self, codes: np.ndarray) -> np.ndarray:
        """Codes (N, C) -> the points nearest to them, (N, D) float64."""
        steps = np.asarray(codes, np.float64) - self.mean
        found: np.ndarray = (steps if self.directions is None else steps @ self.directions.T) / self.scale
        return found


def has_components(generator: Generator) -> bool:
    """Whether it is known along which directions photographs' codes vary."""
    return code_prior.of(generator).directions is not None


def dimensions(generator: Generator | None, size: tuple[int, int], components: bool) -> int:
    """How many values a search of this prior's codes, or without a prior of the spectra of pictures of this size, searches."""
    if generator is None:
        return 6 * size[0] * (size[1] // 2 + 1)
    return len(code_prior.of(generator).scale) if components else generator.code_size


def of_prior(generator: Generator, components: bool) -> Space:
    """The codes of a prior, along their principal components or their units.

    A unit that never varies is not searched for: along it the scale is tiny.
    """
    known = code_prior.of(generator)

    def draw(count: int, seed: int) -> np.ndarray:
        return _plain(known.draw(count, seed))

    if components and known.directions is not None:
        mean, scale, directions = known.mean, known.scale, _plain(known.directions)
    else:
        mean, scale, directions = generator.code_mean, generator.code_std, None
    return Space(_plain(mean), _plain(known.lower), _plain(known.upper), np.maximum(_plain(scale), 1e-6), directions, draw)


def of_spectrum(prior: FourierPrior) -> Space:
    """A picture's spectrum, with a standard deviation at which noise in it is as rough and as contrasty as a photograph."""
    height, width = prior.size
    power = 2 * prior.scale.double().square().mean()  # of a pixel's decorrelated colours, for a spectrum of deviation 1
    power *= prior.colours.double().square().sum(1).mean()  # and of its red, green and blue
    scale = np.full(6 * prior.scale.numel(), 4 * _CONTRAST / power.item() ** 0.5)  # 4: the divisor of FourierPrior
    bound = code_prior.REACH * scale

    def draw(count: int, seed: int) -> np.ndarray:
        return scale * np.random.default_rng((seed, height, width)).standard_normal((count, len(scale)))

    return Space(np.zeros_like(scale), -bound, bound, scale, None, draw)


def _plain(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().to("cpu", torch.float64).numpy()
    return array
