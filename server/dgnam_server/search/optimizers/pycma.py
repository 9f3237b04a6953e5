"""CMA-ES as the library pycma has it, behind our interface."""

import warnings
from typing import Any

import numpy as np

from dgnam_server.search.optimizers.optimizer import Origin
from dgnam_server.synth.options import Option

SIGMA = Option("sigma", "Step size at the start, in standard deviations of photographs' codes.", 0.001, 100.0, 1.0, part="optimizer")
CITATION = "Hansen and Ostermeier 2001; pycma; for neurons: Wang and Ponce 2022, arXiv 2204.06765"


class PyCma:
    """A `cma.CMAEvolutionStrategy`, which minimizes, and draws from the global random numbers unless it is given others.

    A missing score counts as the generation's median, which is what pycma makes of one; a generation without any score teaches nothing.

    Args:
        options: further options of pycma's.
    """

    def __init__(self, origin: Origin, population: int, sigma: float, **options: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it could not plot
            import cma  # takes a second, and only searches need it

        def normal(*shape: int) -> np.ndarray:
            return origin.random.standard_normal(shape)

        quiet = {"verbose": -9, "verb_log": 0, "verb_disp": 0}
        own = {"popsize": population, "randn": normal, "seed": np.nan, **quiet, **options}
        self._strategy: Any = cma.CMAEvolutionStrategy(origin.centre, sigma, own)
        self._asked: list[np.ndarray] = []

    def ask(self) -> np.ndarray:
        """Points of the present normal distribution."""
        self._asked = self._strategy.ask()
        return np.stack(self._asked)

    def tell(self, scores: np.ndarray) -> None:
        """Move the distribution towards the better half, weighted by rank."""
        if np.isnan(scores).all():
            return
        filled = np.where(np.isnan(scores), np.nanmedian(scores), scores)
        self._strategy.tell(self._asked, list(-filled))
