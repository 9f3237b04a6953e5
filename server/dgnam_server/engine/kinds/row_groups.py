"""The rows of a lane in groups: those that stepped together last are one, so that nothing is copied while the same ones step again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from torch import Tensor

from dgnam_server.engine.due import Due, parted
from dgnam_server.engine.kinds.synthesis_result import StartRank, SynthesisResult
from dgnam_server.synth.draws import Ranking
from dgnam_server.synth.rows import Rows, concat
from dgnam_server.synth.spec import Settings
from dgnam_server.synth.transforms import resize


@dataclass(eq=False)
class Slot:
    """Whose row this is, and how far it is."""

    job: int
    row: int
    total: int
    preview_interval: int
    size: tuple[int, int]  # of the finished picture
    settings: Settings
    step: int = 0
    start: tuple[Ranking, int] | None = None  # the draw it started from, by its rank from 0

    @property
    def preview_due(self) -> bool:
        """Whether this step's picture is to be shown."""
        return bool(self.preview_interval) and self.step % self.preview_interval == 0

    def sized(self, image: Tensor) -> Tensor:
        """A picture (3, H, W) in the size that was asked for."""
        return resize(image[None], self.size)[0]

    def with_start(self, result: SynthesisResult) -> SynthesisResult:
        """The row's result, with the draw that it started from."""
        if self.start is None:
            return result
        ranking, rank = self.start
        sums = ranking.sums
        start = StartRank(rank + 1, len(sums), float(sums[ranking.order[rank]]), ranking.percentile(result.activation))
        return replace(result, start=start)


@dataclass(frozen=True, eq=False)
class Group:
    """Rows, and whose they are: slot i on the host describes row i on the device."""

    slots: Sequence[Slot]
    rows: Rows

    def select(self, places: Sequence[int]) -> "Group":
        """The rows at these places, which rise."""
        return self if len(places) == len(self.slots) else Group([self.slots[i] for i in places], self.rows.select(places))


@dataclass(eq=False)
class RowGroups:
    """Groups, the one that has waited longest first."""

    _groups: list[Group] = field(default_factory=list)

    @property
    def slots(self) -> list[Slot]:
        """Of all rows."""
        return [slot for group in self._groups for slot in group.slots]

    @property
    def rows(self) -> Rows | None:
        """All rows; None: there are none."""
        return concat([group.rows for group in self._groups]) if self._groups else None

    def add(self, group: Group) -> None:
        """Rows that have just stepped, or come."""
        if group.slots:
            self._groups.append(group)

    def leave(self, job: int) -> None:
        """Take a job's rows out."""
        self._split(lambda slot: slot.job != job)

    def take(self, due: Due | None) -> Group | None:
        """Take out the rows that are due, as one group; None: no row is."""
        mine = set(parted(self.slots, attrgetter("job"), due)[0])
        taken = self._split(lambda slot: slot not in mine)
        if not taken:
            return None
        return (
            taken[0]
            if len(taken) == 1
            else Group([slot for group in taken for slot in group.slots], concat([group.rows for group in taken]))
        )

    def _split(self, stays: Callable[[Slot], bool]) -> list[Group]:
        """Take out the rows that do not stay."""
        groups, self._groups = self._groups, []
        taken = []
        for group in groups:
            kept = [i for i, slot in enumerate(group.slots) if stays(slot)]
            left = sorted(set(range(len(group.slots))) - set(kept))
            if kept:
                self._groups.append(group.select(kept))
            if left:
                taken.append(group.select(left))
        return taken
