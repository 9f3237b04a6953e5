"""Invariance as work: a row is one picture with one change, or, the first of each picture, as it is."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.analysis.invariance import Change, Colour, InvarianceCurves, changed, distance
from dgnam_server.analysis.occlusion import probabilities
from dgnam_server.engine.kinds.activations import reported
from dgnam_server.engine.one_shot import OneShotLane

_READING_BYTES = 512  # of a Reading and the event that brings it


@dataclass(frozen=True)
class InvarianceKey:
    """Which taps are measured beside the classes."""

    model: str
    taps: tuple[str, ...]
    strict: bool

    def __str__(self) -> str:
        return f"invariance of {self.model}:{'+'.join(self.taps)}" + (", strict" if self.strict else "")


@dataclass(frozen=True)
class Reading:
    """What one change gives, `distances` by tap; `class_` and `lengths` of the picture as it is only."""

    distances: tuple[float, ...]
    probability: float
    label: int
    class_: int | None = None
    lengths: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Original:
    """What the changes of a picture are compared with: its image (3, H, W), its class, and its features by tap."""

    image: Tensor
    class_: int
    features: Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class Invariance:
    """Pictures to change, each (H, W, 3) float32 RGB in [0, 1] of the network's input size.

    The value of each Finished is a Reading; `curves` makes one picture's curves of all of its.

    Attributes:
        class_: None: of each picture the most probable.
        colour: beyond the pictures' edges, RGB in [0, 1].
    """

    pictures: Sequence[np.ndarray]
    network: Network
    taps: tuple[str, ...]
    class_: int | None
    changes: tuple[Change, ...]
    colour: Colour
    row_bytes: int
    device: torch.device
    strict: bool = False
    steps: int = 1
    result_bytes: int = 0
    sized: bool = True

    @property
    def key(self) -> InvarianceKey:
        """Requests that measure the same taps share a lane, whatever their changes."""
        return InvarianceKey(self.network.name, self.taps, self.strict)

    @property
    def looks(self) -> int:
        """Rows of a picture."""
        return 1 + len(self.changes)

    @property
    def rows(self) -> int:
        """For each picture one as it is and one for each change, in this order."""
        return len(self.pictures) * self.looks

    @property
    def held_bytes(self) -> int:
        """The pictures, their features, and what is read of each row."""
        shapes = {tap.name: tap.shape for tap in self.network.card.taps}
        features = 4 * sum(int(np.prod(shapes[tap])) for tap in self.taps)
        return sum(picture.nbytes + features for picture in self.pictures) + self.rows * _READING_BYTES

    def place(self, row: int) -> tuple[int, int]:
        """Which picture a row is of, and which of its looks."""
        return divmod(row, self.looks)

    def open(self) -> "OneShotLane[Invariance]":
        """A lane without rows."""
        return OneShotLane(Measure())

    def curves(self, picture: int, readings: Sequence[Reading]) -> InvarianceCurves:
        """The curves of a picture, of the readings of all its rows in order."""
        whole, *rest = readings
        assert whole.class_ is not None
        return InvarianceCurves(
            image=self.pictures[picture],
            class_=whole.class_,
            probability=whole.probability,
            label=whole.label,
            lengths=whole.lengths,
            distances=np.array([one.distances for one in rest], np.float32).reshape(len(rest), len(self.taps)).T,
            probabilities=np.array([one.probability for one in rest], np.float32),
            labels=np.array([one.label for one in rest], np.int64),
        )


@dataclass(eq=False)
class Measure:
    """Answers rows. It remembers what each picture is compared with: its first row, which is never admitted after another, decides."""

    originals: MutableMapping[Invariance, dict[int, Original]] = field(default_factory=WeakKeyDictionary)

    def __call__(self, rows: Sequence[tuple[Invariance, int]]) -> list[Any]:
        """The reading of each row; the network runs once."""
        first = rows[0][0]
        network, output = first.network, first.network.card.output_tap
        places = [(work, *work.place(row)) for work, row in rows]
        images = torch.stack([self._image(work, picture, look) for work, picture, look in places])
        changes = [work.changes[look - 1] if look else None for work, _, look in places]
        colours = torch.tensor([work.colour for work, _, _ in places], device=first.device)
        found = reported(network, changed(images, changes, colours), list(dict.fromkeys((*first.taps, output))))
        shares = probabilities(found[output])
        labels = shares.argmax(1).tolist()
        features = [[found[tap][i].float() for tap in first.taps] for i in range(len(rows))]
        for i, (work, picture, look) in enumerate(places):
            if not look:
                class_ = labels[i] if work.class_ is None else work.class_
                known = self.originals.setdefault(work, {})
                known[picture] = Original(images[i].clone(), class_, [one.clone() for one in features[i]])
        return [self._reading(place, features[i], shares[i], labels[i]) for i, place in enumerate(places)]

    def _image(self, work: Invariance, picture: int, look: int) -> Tensor:
        known = self.originals.get(work, {}).get(picture)
        if look and known is not None:
            return known.image
        return torch.tensor(work.pictures[picture]).permute(2, 0, 1).to(work.device)

    def _reading(self, place: tuple[Invariance, int, int], features: Sequence[Tensor], shares: Tensor, label: int) -> Reading:
        work, picture, look = place
        original = self.originals[work][picture]
        distances = tuple(distance(*pair) for pair in zip(features, original.features, strict=True))
        probability = float(shares[original.class_])
        if look:
            return Reading(distances, probability, label)
        lengths = tuple(float(torch.linalg.vector_norm(one)) for one in features)
        return Reading(distances, probability, label, original.class_, lengths)
