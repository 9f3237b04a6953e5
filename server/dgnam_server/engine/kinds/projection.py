"""Projections as work: a row is one picture, which takes as many steps as its method has looks at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.analysis.attribution import Attribution, Look, Seen, Settings
from dgnam_server.analysis.obstacle import NotProjectable
from dgnam_server.analysis.projection import Kept, Wanted, project
from dgnam_server.engine.due import Due, parted
from dgnam_server.engine.events import Event, Failed, Failure, Finished, Progress
from dgnam_server.engine.picture import on_host
from dgnam_server.engine.pieces import Pieces
from dgnam_server.synth.memory import array_bytes


@dataclass(frozen=True)
class ProjectionKey:
    """What rows must have in common: whose activations are kept, and how the signal comes down."""

    model: str
    tap: str
    layer: str | None
    method: str
    strict: bool

    def __str__(self) -> str:
        to = "" if self.layer is None else f" at {self.layer}"
        return f"{self.method} of {self.model}:{self.tap}{to}" + (", strict" if self.strict else "")


@dataclass(frozen=True, eq=False)
class Projection:
    """Pictures, each (H, W, 3) float32 RGB in [0, 1] of the network's input size, and the activations of each to keep.

    The value of each Finished is a ProjectionResult.

    Attributes:
        wanted: of each picture what to keep.
        layer: the tap where methods that do not go to the pixels stop, else None.
    """

    pictures: Sequence[np.ndarray]
    network: Network
    tap: str
    layer: str | None
    wanted: Sequence[Wanted]
    method: Attribution
    settings: Settings
    row_bytes: int
    device: torch.device
    strict: bool = False
    sized: bool = True

    @property
    def key(self) -> ProjectionKey:
        """Requests for any units of one tap, by one method, share a lane."""
        return ProjectionKey(self.network.name, self.tap, self.layer, self.method.name, self.strict)

    @property
    def rows(self) -> int:
        """One per picture."""
        return len(self.pictures)

    @property
    def steps(self) -> int:
        """One per look."""
        return len(self.method.looks(self.settings))

    @property
    def held_bytes(self) -> int:
        """The pictures."""
        return sum(picture.nbytes for picture in self.pictures)

    @property
    def result_bytes(self) -> int:
        """The projection and the picture, as floats, in the message and drawn."""
        return 4 * array_bytes(3, *self.network.input_size)

    def open(self) -> "ProjectionLane":
        """A lane without rows."""
        return ProjectionLane(self)


@dataclass(frozen=True, eq=False)
class ProjectionResult:
    """One picture's projection: `image` (H, W, 3) as the network saw it, `values` (H, W, 3), or (H, W, 1) of heat; float32 on the host."""

    kept: Kept
    image: np.ndarray
    values: np.ndarray


@dataclass(eq=False)
class Slot:
    """One picture on its way."""

    job: int
    row: int
    work: Projection
    image: Tensor  # (3, H, W)
    looks: tuple[Look, ...]
    step: int = 0
    kept: Kept | None = None
    signal: Tensor | float = 0.0

    def shown(self) -> Tensor:
        """What the network is shown next, (3, H, W)."""
        grey = self.work.settings.get("baseline", 0.0)
        share = self.looks[self.step].share
        return self.image if share == 1 else grey + share * (self.image - grey)

    def choose(self, value: Tensor) -> Kept:
        """What to keep of its activations: what the first look chose."""
        return self.work.wanted[self.row].kept(value) if self.kept is None else self._again(self.kept, value)

    def _again(self, kept: Kept, value: Tensor) -> Kept:
        found = [value[(kept.index, *place)] for place in kept.positions or ((),)]
        return Kept(kept.index, kept.positions, tuple(float(one) for one in found))

    def take(self, kept: Kept, signal: Tensor) -> None:
        """Add what a look gave."""
        self.kept = self.kept or kept
        weight = self.looks[self.step].weight
        self.signal = self.signal + weight * signal if weight else self.signal
        self.step += 1

    def result(self) -> ProjectionResult:
        """The finished projection."""
        assert isinstance(self.signal, Tensor) and self.kept is not None
        network = self.work.network
        zero = network.preprocess.decode(torch.zeros_like(network.preprocess.mean))[0]
        values = self.work.method.finish(Seen(self.image, self.signal, zero, self.work.settings))
        return ProjectionResult(self.kept, on_host(self.image), on_host(values))


class ProjectionLane:
    """Pictures that are looked at together."""

    def __init__(self, work: Projection) -> None:
        self._network, self._tap, self._layer, self._method = work.network, work.tap, work.layer, work.method
        self._slots: list[Slot] = []
        self._pieces = Pieces()

    def __len__(self) -> int:
        return len(self._slots)

    def join(self, job: int, work: Projection, row: int) -> None:
        """Add a picture."""
        image = torch.tensor(work.pictures[row]).permute(2, 0, 1).to(work.device)
        self._slots.append(Slot(job, row, work, image, work.method.looks(work.settings)))

    def leave(self, job: int) -> int:
        """Take a job's rows out; returns how many there were."""
        before = len(self)
        self._slots = [slot for slot in self._slots if slot.job != job]
        return before - len(self)

    def step(self, tell: bool, due: Due | None = None) -> list[tuple[int, Event]]:
        """One look at every picture that is due; those with no look left leave, and so do those that cannot be projected."""
        slots, self._slots = parted(self._slots, attrgetter("job"), due)
        try:
            self._pieces.run(len(slots), lambda piece: self._look([slots[i] for i in piece]))
        except NotProjectable as error:
            failed = Failed(Failure.NOT_PROJECTABLE, str(error))
            return [(job, failed) for job in dict.fromkeys(slot.job for slot in slots)]
        self._slots += [slot for slot in slots if slot.step < len(slot.looks)]
        return [self._event(slot) for slot in slots if slot.step == len(slot.looks) or tell]

    def _look(self, slots: Sequence[Slot]) -> None:
        kept, signals = project(
            self._network,
            self._method,
            (self._tap, self._layer),
            torch.stack([slot.shown() for slot in slots]),
            [slot.choose for slot in slots],
        )
        for slot, one, signal in zip(slots, kept, signals, strict=True):
            slot.take(one, signal)

    def _event(self, slot: Slot) -> tuple[int, Event]:
        if slot.step < len(slot.looks):
            assert slot.kept is not None
            return slot.job, Progress(slot.row, slot.step, len(slot.looks), slot.kept.activations[0])
        result = slot.result()
        if not np.isfinite(result.values).all():
            return slot.job, Failed(Failure.NUMERIC, f"the projection of picture {slot.row} holds values that are not finite")
        return slot.job, Finished(slot.row, result)
