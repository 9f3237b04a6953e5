from __future__ import annotations

import numpy as np
from dgnam_client._facets import clusters, nearest


def test_what_lies_apart_is_told_apart() -> None:
    random = np.random.default_rng(0)
    centres = np.eye(3, 8)
    rows = np.concatenate([centre + 0.05 * random.standard_normal((10, 8)) for centre in centres]) * random.uniform(1, 9, (30, 1))
    found = clusters(rows, 3)
    assert sorted(len(set(found[first : first + 10])) for first in (0, 10, 20)) == [1, 1, 1]
    assert len(set(found.tolist())) == 3
    assert np.array_equal(found, clusters(rows, 3)), "the same each time"


def test_no_cluster_is_empty() -> None:
    assert sorted(set(clusters(np.ones((5, 3)), 4).tolist())) == [0, 1, 2, 3]


def test_the_nearest_to_the_mean_come_first() -> None:
    assert nearest(np.array([[0.0], [10.0], [4.0], [5.0]]), 2).tolist() == [3, 2]
