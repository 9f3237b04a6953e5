"""Due: which rows of a batch take part in one step. Pure policy, as the scheduler's.

Rules. The rows of the client whose turn it is take part, and those of clients that have no more rows in the batch than it has: so many
clients with a row or two each are one batch, whoever pays. Of the others, those with the fewest rows come first, as long as all together
take at most RIDE times as long as without them. On a GPU they mostly do; on a processor a single picture would take many times as long.

While somebody else may be about to come, a step takes no longer than BRIEF_STEP_S, but may have as many rows as it is for clients. Rows
that are left out are the first in the next step.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dgnam_server.engine.budget import Client

Row = TypeVar("Row")

RIDE = 1.5
BRIEF_STEP_S = 0.1  # a short picture takes some tenths of a second, and waits for the step that is under way


@dataclass(frozen=True)
class Due:
    """Of the rows of `jobs`, those that have waited longest, `rows` at most."""

    jobs: Collection[int]
    rows: int


def parted(rows: Sequence[Row], job: Callable[[Row], int], due: Due | None) -> tuple[list[Row], list[Row]]:
    """The rows that are due, and the others, in their order; all are where `due` is None. The first has waited longest."""
    if due is None:
        return list(rows), []
    taken = [place for place, row in enumerate(rows) if job(row) in due.jobs][: due.rows]
    left = sorted(set(range(len(rows))) - set(taken))
    return [rows[place] for place in taken], [rows[place] for place in left]


def riders(rows: Mapping[Client, int], client: Client, step_s: Callable[[int], float]) -> set[Client]:
    """Whose rows take part in a step that this client pays for; `rows` that each has in the batch, `step_s` that so many take."""
    along = {one for one, count in rows.items() if count <= rows[client]}
    total = sum(rows[one] for one in along)
    most_s = RIDE * step_s(total)
    for one in sorted(rows.keys() - along, key=lambda one: (rows[one], one)):
        total += rows[one]
        if step_s(total) > most_s:
            break
        along.add(one)
    return along


def brief(rows: int, clients: int, step_s: Callable[[int], float]) -> int:
    """How many of the rows of so many clients take part in a step that is to be brief."""
    return max(clients, min(rows, int(rows * BRIEF_STEP_S / step_s(rows))))
