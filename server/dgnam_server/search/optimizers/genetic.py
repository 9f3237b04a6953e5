"""The genetic algorithm of XDream."""

from collections.abc import Mapping

import numpy as np

from dgnam_server.search.optimizers.optimizer import Entry, Optimizer, Origin, population
from dgnam_server.synth.options import Option


class Genetic:
    """Ponce et al. 2019; Xiao and Kreiman 2020, as their released program has it.

        fitness_i = exp( (min(score_i, 95th percentile) - max) / kT ),  kT = std(scores) / selectivity

    The best `kept` points go on as they are. All others are children of two points drawn by fitness: each value comes from the first
    parent with probability `heritability`, else from the second, and with probability `mutation_rate` gets normal noise of
    `mutation_size`. Points whose scores are missing go on as they are, to be shown again.
    """

    def __init__(self, origin: Origin, settings: Mapping[str, float]) -> None:
        self._random, self._settings, self._points = origin.random, settings, origin.points
        self._kept = min(int(settings["kept"]), len(origin.points) - 1)

    def ask(self) -> np.ndarray:
        """The present population."""
        return self._points

    def tell(self, scores: np.ndarray) -> None:
        """Breed the next population."""
        missing = np.isnan(scores)
        if missing.all():
            return
        parents, fitness = self._ranked(self._points[~missing], scores[~missing])
        elite = parents[: self._kept]
        children = self._children(parents, fitness, max(0, len(scores) - len(elite) - int(missing.sum())))
        self._points = np.concatenate([elite, children, self._points[missing]])[: len(scores)]

    def _ranked(self, points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The points, best first, and their fitness."""
        order = np.argsort(-scores, kind="stable")
        temperature = max(float(np.std(scores)) / self._settings["selectivity"], 1e-8)
        clipped = np.minimum(scores[order], np.percentile(scores, 95))
        return points[order], np.exp((clipped - clipped[0]) / temperature)

    def _children(self, parents: np.ndarray, fitness: np.ndarray, count: int) -> np.ndarray:
        shares = fitness / fitness.sum()
        first, second = (parents[self._random.choice(len(parents), count, p=shares)] for _ in range(2))
        inherited = np.where(self._random.random(first.shape) < self._settings["heritability"], first, second)
        mutated = self._random.random(first.shape) < self._settings["mutation_rate"]
        noise = self._settings["mutation_size"] * self._random.standard_normal(first.shape)
        children: np.ndarray = inherited + np.where(mutated, noise, 0)
        return children


def _make(origin: Origin, settings: Mapping[str, float]) -> Optimizer:
    return Genetic(origin, settings)


def _option(name: str, description: str, least: float, most: float, default: float) -> Option:
    return Option(name, description, least, most, default, part="optimizer")


ENTRY = Entry(
    name="genetic",
    description="The genetic algorithm of XDream: children of two fit codes, recombined and mutated.",
    citation="Ponce et al. 2019; Xiao and Kreiman 2020",
    options=(
        population(20),
        _option("mutation_rate", "Share of a child's values that mutate.", 0.0, 1.0, 0.5),
        _option("mutation_size", "Standard deviation of a mutation, in standard deviations of photographs' codes.", 0.0, 100.0, 0.5),
        _option("selectivity", "How much better scores make likelier parents.", 0.01, 100.0, 2.0),
        _option("heritability", "Share of a child's values that come from the first of its parents.", 0.5, 1.0, 0.5),
        Option("kept", "How many of the best go on unchanged.", 0, 100, 1, integer=True, part="optimizer"),
    ),
    make=_make,
    bytes=lambda dimensions, population: 8 * dimensions * 4 * population,
)
