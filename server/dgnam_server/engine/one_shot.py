"""A lane for rows that are done after one step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Generic, TypeVar

import torch

from dgnam_server.engine.due import Due, parted
from dgnam_server.engine.events import Event, Failed, Finished
from dgnam_server.engine.pieces import Pieces

W = TypeVar("W")
Answer = Callable[[Sequence[tuple[W, int]]], list[object]]


@dataclass(eq=False)
class OneShotLane(Generic[W]):
    """Answers the rows that are due, all together, in the order in which they joined.

    Attributes:
        answer: rows (work, its row number) -> for each the value of its Finished, or the Failed that ends its job. Called without
            gradients; must not depend on what is answered beside it.
    """

    answer: Answer[W]
    _rows: list[tuple[int, W, int]] = field(default_factory=list)
    _pieces: Pieces = field(default_factory=Pieces)

    def __len__(self) -> int:
        return len(self._rows)

    def join(self, job: int, work: W, row: int) -> None:
        """Add a row."""
        self._rows.append((job, work, row))

    def leave(self, job: int) -> int:
        """Take a job's rows out; returns how many there were."""
        before = len(self)
        self._rows = [row for row in self._rows if row[0] != job]
        return before - len(self)

    @torch.no_grad()
    def step(self, tell: bool, due: Due | None = None) -> list[tuple[int, Event]]:
        """Answer every row that is due; these leave."""
        rows, self._rows = parted(self._rows, itemgetter(0), due)
        asked = [(work, row) for _, work, row in rows]
        answers = self._pieces.run(len(asked), lambda piece: self.answer([asked[i] for i in piece]))
        events: list[tuple[int, Event]] = []
        for (job, _, row), value in zip(rows, [value for piece in answers for value in piece], strict=True):
            events.append((job, value if isinstance(value, Failed) else Finished(row, value)))
        return events
