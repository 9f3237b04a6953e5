"""The machine interpretability score of one trial (Zimmermann, Klindt & Brendel 2024, arXiv 2410.16446)."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def similarities(queries: Tensor, references: Tensor) -> Tensor:
    """The cosine of each query (2, D) with each reference (R, D), (2, R): the observer's features of both."""
    return normalize(queries.float(), dim=1) @ normalize(references.float(), dim=1).T


def evidence(similarity: Tensor, maximizing: int) -> Tensor:
    """How strongly an observer believes in the true assignment, a number; above 0 it is right.

        z = (s - mean s) / std s,   Delta(q) = mean_{r maximizing} z(q, r) - mean_{r minimizing} z(q, r),   e = Delta(q+) - Delta(q-)

    Args:
        similarity: s, (2, R), of the query that excites the unit and of the one that does not, in this order.
        maximizing: how many of the references, the first ones, are maximizing.
    """
    deviation = similarity.std(unbiased=False)
    z = (similarity - similarity.mean()) / (deviation if deviation > 0 else torch.ones(()))
    difference = z[:, :maximizing].mean(1) - z[:, maximizing:].mean(1)
    return difference[0] - difference[1]


def rights(evidences: Tensor) -> Tensor:
    """Of which trials the observer is right, as 0 or 1; where it cannot tell, a half."""
    return torch.where(evidences > 0, 1.0, torch.where(evidences == 0, 0.5, 0.0))
