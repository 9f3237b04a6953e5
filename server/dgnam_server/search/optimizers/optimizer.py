"""What every optimizer can do, and what a table says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dgnam_server.synth.options import Option


class Optimizer(Protocol):
    """Asks for scores of points, a generation at a time. The same seed and the same scores give the same points.

    A point (D,) lies about 0, and photographs' points have a standard deviation of about 1 along every axis: see `space.py`.
    """

    def ask(self) -> np.ndarray:
        """The points of the next generation, (population, D) float64."""

    def tell(self, scores: np.ndarray) -> None:
        """Scores of the points asked for last, (population,), larger is better; NaN: missing."""


@dataclass(frozen=True)
class Origin:
    """Where an optimizer begins, and its random source.

    Attributes:
        points: (population, D), spread as its first generation may be; their first is the start where one is asked for.
        centre: (D,), where to spread from.
        generations: how many there will be at most, for schedules.
        random: a generator of its own; nothing else draws from it.
    """

    points: np.ndarray
    centre: np.ndarray
    generations: int
    random: np.random.Generator


@dataclass(frozen=True)
class Entry:
    """An optimizer as requests name it.

    Attributes:
        largest: the most dimensions that it can work in.
        bytes: what its state takes of so many dimensions and so large a population.
    """

    name: str
    description: str
    citation: str
    options: tuple[Option, ...]
    make: Callable[[Origin, Mapping[str, float]], Optimizer]
    bytes: Callable[[int, int], int]
    largest: int = 1_000_000

    def settings(self, given: Mapping[str, float]) -> dict[str, float]:
        """All options with the given values, or else their defaults."""
        return {option.name: float(given.get(option.name, option.default or 0)) for option in self.options}


def population(default: int) -> Option:
    """How many pictures a generation has."""
    return Option("population", "Pictures in a generation.", 4, 1000, default, integer=True, part="optimizer")
