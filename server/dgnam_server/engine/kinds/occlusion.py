"""Occlusion as work: a row is one picture with the square at one place, or, the first of each picture, without it."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.analysis.occlusion import OcclusionMaps, Square, covered, probabilities, totals
from dgnam_server.engine.kinds.activations import reported
from dgnam_server.engine.one_shot import OneShotLane

Box = tuple[int, int, int, int]
_READING_BYTES = 512  # of a Reading and the event that brings it


@dataclass(frozen=True)
class OcclusionKey:
    """Which tap is watched beside the classes."""

    model: str
    tap: str
    strict: bool

    def __str__(self) -> str:
        return f"occlusion of {self.model}:{self.tap}" + (", strict" if self.strict else "")


@dataclass(frozen=True)
class Choice:
    """What is watched of a picture: a feature map of the tap, and a class."""

    unit: int
    class_: int


@dataclass(frozen=True)
class Reading:
    """What one place of the square gives; `choice` of the picture without it only."""

    activation: float
    probability: float
    label: int
    choice: Choice | None = None


@dataclass(frozen=True, eq=False)
class Occlusion:
    """Pictures to cover bit by bit, each (H, W, 3) float32 RGB in [0, 1] of the network's input size.

    The value of each Finished is a Reading; `maps` makes one picture's maps of all of its.

    Attributes:
        unit: the feature map of the tap; None: of each picture the one whose summed activation is the largest.
        class_: None: of each picture the most probable.
    """

    pictures: Sequence[np.ndarray]
    network: Network
    tap: str
    unit: int | None
    class_: int | None
    square: Square
    row_bytes: int
    device: torch.device
    strict: bool = False
    steps: int = 1
    result_bytes: int = 0
    sized: bool = True
    boxes: tuple[Box | None, ...] = field(init=False)

    def __post_init__(self) -> None:
        rows, columns = self.square.grid(self.network.input_size)
        places = [self.square.box((row, column), self.network.input_size) for row in range(rows) for column in range(columns)]
        object.__setattr__(self, "boxes", (None, *places))

    @property
    def key(self) -> OcclusionKey:
        """Requests that watch the same tap share a lane, whatever their squares."""
        return OcclusionKey(self.network.name, self.tap, self.strict)

    @property
    def rows(self) -> int:
        """For each picture one without the square and one for each place of it, in this order."""
        return len(self.pictures) * len(self.boxes)

    @property
    def held_bytes(self) -> int:
        """The pictures, and what is read of each row."""
        return sum(picture.nbytes for picture in self.pictures) + self.rows * _READING_BYTES

    def place(self, row: int) -> tuple[int, int]:
        """Which picture a row is of, and which of its places."""
        return divmod(row, len(self.boxes))

    def open(self) -> "OneShotLane[Occlusion]":
        """A lane without rows."""
        return OneShotLane(Watch())

    def maps(self, picture: int, readings: Sequence[Reading]) -> OcclusionMaps:
        """The maps of a picture, of the readings of all its rows in order."""
        whole, *rest = readings
        assert whole.choice is not None
        grid = self.square.grid(self.network.input_size)
        return OcclusionMaps(
            image=self.pictures[picture],
            unit=whole.choice.unit,
            class_=whole.choice.class_,
            activation=whole.activation,
            probability=whole.probability,
            label=whole.label,
            activations=np.array([one.activation for one in rest], np.float32).reshape(grid),
            probabilities=np.array([one.probability for one in rest], np.float32).reshape(grid),
            labels=np.array([one.label for one in rest]).reshape(grid),
        )


@dataclass(eq=False)
class Watch:
    """Answers rows. It remembers what each picture is watched for: its first row, which is never admitted after another, decides."""

    choices: MutableMapping[Occlusion, dict[int, Choice]] = field(default_factory=WeakKeyDictionary)
    images: MutableMapping[Occlusion, dict[int, Tensor]] = field(default_factory=WeakKeyDictionary)

    def __call__(self, rows: Sequence[tuple[Occlusion, int]]) -> list[Any]:
        """The reading of each row; the network runs once."""
        first = rows[0][0]
        network, output = first.network, first.network.card.output_tap
        places = [(work, *work.place(row)) for work, row in rows]
        boxes = [work.boxes[place] for work, _, place in places]
        colours = torch.tensor([work.square.colour for work, _, _ in places], device=first.device)
        images = torch.stack([self._image(work, picture) for work, picture, _ in places])
        found = reported(network, covered(images, boxes, colours), list(dict.fromkeys((first.tap, output))))
        sums, shares = totals(found[first.tap]), probabilities(found[output])
        labels = shares.argmax(1).tolist()
        new = [self._choose(work, picture, place, sums[i], labels[i]) for i, (work, picture, place) in enumerate(places)]
        chosen = [self.choices[work][picture] for work, picture, _ in places]
        each = torch.arange(len(rows), device=sums.device)
        activations = sums[each, [choice.unit for choice in chosen]].tolist()
        likely = shares[each, [choice.class_ for choice in chosen]].tolist()
        return [Reading(*values) for values in zip(activations, likely, labels, new, strict=True)]

    def _image(self, work: Occlusion, picture: int) -> Tensor:
        known = self.images.setdefault(work, {})
        if picture not in known:
            known[picture] = torch.tensor(work.pictures[picture]).permute(2, 0, 1).to(work.device)
        return known[picture]

    def _choose(self, work: Occlusion, picture: int, place: int, sums: Tensor, label: int) -> Choice | None:
        if place:
            return None
        unit = int(sums.argmax()) if work.unit is None else work.unit
        choice = Choice(unit, label if work.class_ is None else work.class_)
        self.choices.setdefault(work, {})[picture] = choice
        return choice
