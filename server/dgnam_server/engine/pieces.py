"""A batch that does not fit into memory is run in pieces."""

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")


class Pieces:
    """Runs a lane's rows at once, or, after the device ran out of memory, in pieces of half as many, from then on.

    Args:
        most: rows of a piece from the beginning; None: all.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most

    def run(self, rows: int, step: Callable[[range], T]) -> list[T]:
        """`step` of all row numbers below `rows`, at least one, in order, a piece at a time; what each returned.

        Raises:
            RuntimeError, MemoryError: a single row does not fit into memory, or anything else that `step` raises.
        """
        most = self._most or rows
        try:
            return [step(range(start, min(start + most, rows))) for start in range(0, rows, most)]
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or most == 1:
                raise
            self._most = most // 2
        return self.run(rows, step)  # out here, where the error no longer holds the tensors of the step that failed


def out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Did the device, or the host's allocator, run out of memory?"""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
