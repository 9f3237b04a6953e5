"""The genetic algorithm has the published settings and keeps what it should."""

import numpy as np
from dgnam_server.search.optimizers.genetic import ENTRY, Genetic
from dgnam_server.search.optimizers.optimizer import Origin


def made(**options: float) -> Genetic:
    random = np.random.default_rng(0)
    return Genetic(Origin(random.standard_normal((20, 50)), np.zeros(50), 9, random), ENTRY.settings(options))


def test_the_published_settings() -> None:
    wanted = {"population": 20, "mutation_rate": 0.5, "mutation_size": 0.5, "selectivity": 2, "heritability": 0.5, "kept": 1}
    assert ENTRY.settings({}) == wanted


def test_the_best_goes_on_and_so_do_those_without_scores() -> None:
    genetic = made()
    points, scores = genetic.ask(), np.arange(20.0)
    scores[[3, 7]] = np.nan
    genetic.tell(scores)
    following = genetic.ask()
    np.testing.assert_array_equal(following[0], points[19])
    np.testing.assert_array_equal(following[-2:], points[[3, 7]])
    assert not any((point == child).all() for point in points for child in following[1:-2])


def test_children_are_of_fit_parents() -> None:
    genetic = made(mutation_rate=0, selectivity=20, kept=0)
    points = genetic.ask()
    genetic.tell(np.r_[np.zeros(18), 100.0, 100.0])
    children = genetic.ask()
    assert ((children == points[18]) | (children == points[19])).all()
    shares = (children == points[18]).mean(1)
    assert ((shares > 0.2) & (shares < 0.8) | (shares == 0) | (shares == 1)).all(), "half of each parent, or both the same"
    assert 0 < np.count_nonzero((shares > 0) & (shares < 1)) < 20


def test_as_many_mutate_as_asked_and_as_far() -> None:
    genetic = made(mutation_rate=0.25, mutation_size=3.0, heritability=1.0, kept=0)
    points = genetic.ask()
    genetic.tell(np.r_[np.zeros(19), 1.0])
    children = genetic.ask()
    nearest = np.abs(children[:, None] - points).sum(2).argmin(1)
    moved = children - points[nearest]
    assert abs((moved != 0).mean() - 0.25) < 0.05
    assert 2.5 < moved[moved != 0].std() < 3.5
