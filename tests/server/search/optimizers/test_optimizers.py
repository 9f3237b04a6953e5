"""Every optimizer of the table: it climbs, repeats itself, bears missing scores and flat ones."""

import numpy as np
import pytest
from dgnam_server.search.optimizers import DEFAULT_OPTIMIZER, OPTIMIZERS
from dgnam_server.search.optimizers.optimizer import Optimizer, Origin

DIMENSIONS = 12
GOAL = np.random.default_rng(5).standard_normal(DIMENSIONS)


def made(name: str, seed: int = 0, **options: float) -> Optimizer:
    settings = OPTIMIZERS[name].settings({"population": 20, **options})
    random = np.random.default_rng(seed)
    points = random.standard_normal((20, DIMENSIONS))
    return OPTIMIZERS[name].make(Origin(points, np.zeros(DIMENSIONS), 40, random), settings)


def score(points: np.ndarray) -> np.ndarray:
    """How near a point's direction is to the goal's: all optimizers can reach 1, also the one that stays on a sphere."""
    return points @ GOAL / np.linalg.norm(points, axis=1) / np.linalg.norm(GOAL)


def climbed(optimizer: Optimizer, generations: int = 40, noise: float = 0.0) -> list[float]:
    random, means = np.random.default_rng(9), []
    for _ in range(generations):
        points = optimizer.ask()
        assert points.shape == (20, DIMENSIONS) and np.isfinite(points).all()
        means.append(float(score(points).mean()))
        optimizer.tell(score(points) + noise * random.standard_normal(20))
    return means


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_climbs(name: str) -> None:
    means = climbed(made(name))
    assert abs(means[0]) < 0.25
    assert means[-1] > 0.8


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_climbs_in_noise(name: str) -> None:
    assert climbed(made(name), noise=0.3)[-1] > 0.5


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_seed_and_scores_same_points_whatever_else_draws_random_numbers(name: str) -> None:
    first, again, other = made(name), made(name), made(name, seed=1)
    for generation in range(6):
        np.random.seed(generation)
        points = first.ask()
        np.random.seed(100)
        np.testing.assert_array_equal(points, again.ask())
        assert (other.ask() != points).any()
        for each in (first, again, other):
            each.tell(score(points))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_missing_scores_and_flat_ones(name: str) -> None:
    optimizer = made(name)
    for generation in range(8):
        points = optimizer.ask()
        scores = score(points)
        scores[generation::3] = np.nan
        if generation in (2, 5):
            scores[:] = np.nan
        if generation in (3, 4):
            scores[:] = 1.0
        optimizer.tell(scores)
    assert np.isfinite(optimizer.ask()).all()
    assert climbed(optimizer)[-1] > 0.6, "it goes on where it was"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_entry_says_what_it_is(name: str) -> None:
    entry = OPTIMIZERS[name]
    assert entry.name == name and entry.description.endswith(".") and entry.citation
    assert entry.bytes(1000, 40) > 0
    assert {option.name for option in entry.options} == set(entry.settings({})) >= {"population"}
    for option in entry.options:
        assert option.default is not None and option.minimum <= option.default <= option.maximum
        assert option.description.endswith(".")


def test_the_default_is_there() -> None:
    assert DEFAULT_OPTIMIZER in OPTIMIZERS
