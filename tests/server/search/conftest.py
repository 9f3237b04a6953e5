"""A small space, and searches in it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dgnam_server.search.optimizers import OPTIMIZERS
from dgnam_server.search.space import Space
from dgnam_server.search.spec import SearchSpec

DIMENSIONS = 6


@pytest.fixture
def space() -> Space:
    """Codes between -3 and 3, along their own units."""
    ones = np.ones(DIMENSIONS)

    def draw(count: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal((count, DIMENSIONS))

    return Space(0 * ones, -3 * ones, 3 * ones, ones, None, draw)


@pytest.fixture
def spec() -> Callable[..., SearchSpec]:
    """`spec(optimizer="genetic", population=4, ...)`: a small search's."""

    def make(name: str = "one", optimizer: str = "genetic", population: int = 4, **fields: Any) -> SearchSpec:
        options = OPTIMIZERS[optimizer].settings({"population": population})
        plain = {"prior": "", "size": (16, 16), "axes": "spectrum", "max_pictures": 40}
        return SearchSpec(name=name, optimizer=optimizer, options=options, **{**plain, **fields})

    return make
