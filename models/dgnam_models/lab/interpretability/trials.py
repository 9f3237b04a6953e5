"""Trials of a unit: which photographs are queries, and which are references."""

from dataclasses import dataclass

import torch
from torch import Tensor

REFERENCES = 9


@dataclass(frozen=True)
class Trials:
    """T trials: indices of photographs. `queries` (T, 2), the one that excites the unit first; `maximizing` and `minimizing` (T, 9)."""

    queries: Tensor
    maximizing: Tensor
    minimizing: Tensor


def needed(count: int) -> int:
    """How many photographs `count` trials of a unit take."""
    return 2 * count * (REFERENCES + 1)


def of_unit(activation: Tensor, count: int, seed: int) -> Trials:
    """`count` trials in which no photograph is in two places (the design of Borowski et al. 2021, arXiv 2010.12606, appendix A.1).

    The strongest `count * 10` photographs are cut into ten bins by rank, and so are the weakest. The outermost bin has the queries, each of
    the others one reference of every trial, so that all trials are about as hard.

    Args:
        activation: (N,), the unit's, of each photograph; N at least `needed(count)`.
        seed: another seed puts other photographs together.
    """
    assert len(activation) >= needed(count), f"{len(activation)} photographs are fewer than {needed(count)}"
    random = torch.Generator().manual_seed(seed)
    order = activation.argsort(descending=True, stable=True)
    strong, weak = order[: count * (REFERENCES + 1)], order.flip(0)[: count * (REFERENCES + 1)]
    sides = [torch.stack([part[torch.randperm(count, generator=random)] for part in side.split(count)], 1) for side in (strong, weak)]
    queries = torch.stack([side[:, 0] for side in sides], 1)
    return Trials(queries, *(side[:, 1:] for side in sides))
