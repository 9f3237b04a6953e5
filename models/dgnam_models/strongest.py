"""Strongest: of each unit of a tap the largest activations so far, and which photographs gave them where."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(eq=False)
class Strongest:
    """Three tensors (units, k): `values` float32, the largest first, `photographs` int32, and `positions` int32, y * width + x.

    Of equal values the photograph that came first stays first, so that nothing depends on how photographs were dealt into batches.
    """

    values: Tensor
    photographs: Tensor
    positions: Tensor

    @classmethod
    def none(cls, units: int, count: int) -> Self:
        """Before the first photograph."""
        whole = torch.zeros(units, count, dtype=torch.int32)
        return cls(torch.full((units, count), -torch.inf), whole, whole.clone())

    def take(self, found: Tensor, peaks: Tensor, numbers: Tensor) -> None:
        """Take a batch in. Units that none of it excites enough cost one comparison.

        Args:
            found: the tap's activations, (B, C) or (B, C, H, W).
            peaks: their maximum over the map, (B, C).
            numbers: the photographs', (B,) int32.
        """
        count = self.values.shape[1]
        rows = (peaks.amax(0) > self.values[:, -1]).nonzero().flatten()
        if not len(rows):
            return
        values = torch.cat([self.values[rows], peaks[:, rows].T], 1)
        order = values.argsort(dim=1, descending=True, stable=True)[:, :count]
        of_batch = order >= count
        unit, rank = of_batch.nonzero(as_tuple=True)
        row = order[unit, rank] - count
        self.values[rows] = values.gather(1, order)
        photographs = torch.cat([self.photographs[rows], numbers.expand(len(rows), -1)], 1).gather(1, order)
        old = torch.where(of_batch, 0, order)
        positions = self.positions[rows].gather(1, old)
        positions[unit, rank] = found[row, rows[unit]].flatten(1).argmax(1).int().cpu() if found.ndim > 2 else 0
        self.photographs[rows], self.positions[rows] = photographs, positions
