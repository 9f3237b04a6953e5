"""Facets: the strongest photographs of a unit in groups, one start for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDS = 100


def clusters(features: NDArray[Any], count: int, seed: int = 0) -> NDArray[np.int64]:
    """k-means with the starts of k-means++ (Arthur & Vassilvitskii 2007): the cluster of each row, (N,), no cluster empty.

    Args:
        features: (N, D), each row brought to length 1 first, so that directions are compared.
        count: At most N.
        seed: Another seed, other starts.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    rows = features.astype(np.float64)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    centres = rows[[random.integers(len(rows))]]
    while len(centres) < count:
        far = _distances(rows, centres).min(1)
        share = far / far.sum() if far.sum() > 0 else np.full(len(rows), 1 / len(rows))
        centres = np.concatenate([centres, rows[[random.choice(len(rows), p=share)]]])
    found = _distances(rows, centres).argmin(1)
    for _ in range(_ROUNDS):
        found = _none_empty(_distances(rows, centres), count)
        moved = np.stack([rows[found == number].mean(0) for number in range(count)])
        if np.allclose(moved, centres):
            break
        centres = moved
    return np.asarray(found)


def nearest(features: NDArray[Any], most: int) -> NDArray[np.int64]:
    """Which rows, at most so many, lie nearest to the mean of all of them."""
    import numpy as np

    distance = np.square(features - features.mean(0)).sum(1)
    return np.asarray(np.argsort(distance, kind="stable")[:most])


def _distances(rows: NDArray[Any], centres: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.asarray(np.square(rows[:, None] - centres[None]).sum(2))


def _none_empty(distances: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The nearest centre of each row; a centre without one takes the row that lies farthest from its own."""
    import numpy as np

    found = distances.argmin(1)
    for number in range(count):
        if not (found == number).any():
            own = distances[np.arange(len(found)), found]
            alone = np.bincount(found, minlength=count)[found] == 1
            found[np.where(alone, -1, own).argmax()] = number
    return np.asarray(found)
