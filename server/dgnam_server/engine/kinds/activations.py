"""Activations as work: a row is one picture, done once every network has looked at it and every place was read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.engine.one_shot import OneShotLane
from dgnam_server.synth.memory import array_bytes
from dgnam_server.synth.problem import Source
from dgnam_server.synth.transforms import resize


@dataclass(frozen=True)
class Place:
    """What to read: all of a tap, or its unit `index`; of a convolutional tap everywhere, or at `position` (y, x)."""

    model: str
    tap: str
    index: int | None = None
    position: tuple[int, int] | None = None

    @property
    def source(self) -> Source:
        """Its network and tap."""
        return self.model, self.tap

    def shape(self, tap: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what it reads of one picture, from the tap's."""
        there = tap if self.position is None else tap[:1]
        return there if self.index is None else there[1:]

    def read(self, tap: Tensor) -> Tensor:
        """The tap's activations (B, C) or (B, C, H, W) -> those at this place: (B, ...) without the axes that it picks from."""
        if self.position is not None:
            tap = tap[:, :, self.position[0], self.position[1]]
        return tap if self.index is None else tap[:, self.index]


@dataclass(frozen=True)
class ActivationsKey:
    """Which taps are read."""

    sources: tuple[Source, ...]

    def __str__(self) -> str:
        return "activations of " + "+".join(f"{model}:{tap}" for model, tap in self.sources)


@dataclass(frozen=True, eq=False)
class Activations:
    """Pictures to look at, (H, W, 3) float32 RGB in [0, 1] of any sizes, and places to read.

    The value of each Finished is a tuple with a float32 array for each place, in their order: the activations before the layer's ReLU that
    this picture gives, the same as a synthesis reports of its picture. Each network sees the whole picture, resized to its input.

    Attributes:
        networks: all that the places name, and no others.
    """

    pictures: Sequence[np.ndarray]
    places: Sequence[Place]
    networks: Mapping[str, Network]
    row_bytes: int
    device: torch.device
    steps: int = 1
    result_bytes: int = 0
    strict: bool = False
    sized: bool = True

    @property
    def key(self) -> ActivationsKey:
        """Requests that read the same taps share a lane."""
        return ActivationsKey(tuple(sorted({place.source for place in self.places})))

    @property
    def rows(self) -> int:
        """One per picture."""
        return len(self.pictures)

    @property
    def held_bytes(self) -> int:
        """The pictures, and what all of them give, which is sent together: as floats and in the message."""
        taps = {(name, tap.name): tap.shape for name, network in self.networks.items() for tap in network.card.taps}
        values = sum(math.prod(place.shape(taps[place.source])) for place in self.places)
        return sum(picture.nbytes for picture in self.pictures) + 2 * self.rows * array_bytes(values)

    def open(self) -> "OneShotLane[Activations]":
        """A lane without rows."""
        return OneShotLane(_seen)


def _seen(rows: Sequence[tuple[Activations, int]]) -> list[object]:
    """What each picture gives at the places of its own work; each network runs once, and each work's places are read together."""
    first = rows[0][0]
    images = [torch.tensor(work.pictures[row]).permute(2, 0, 1)[None].to(first.device) for work, row in rows]
    found: dict[Source, Tensor] = {}
    for name, network in first.networks.items():
        fitted = torch.cat([resize(image, network.input_size) for image in images])
        read = reported(network, fitted, [tap for model, tap in first.key.sources if model == name])
        found |= {(name, tap): value for tap, value in read.items()}
    numbers: dict[Activations, list[int]] = {}
    for i, (work, _) in enumerate(rows):
        numbers.setdefault(work, []).append(i)
    values: list[object] = [None] * len(rows)
    for work, at in numbers.items():
        arrays = [place.read(found[place.source][at]).cpu().numpy() for place in work.places]
        for k, i in enumerate(at):
            values[i] = tuple(array[k, ...] for array in arrays)
    return values


def reported(network: Network, image: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
    """Activations at `taps` in float32, of the file that the network was converted from where there is one."""
    if network.original is None:
        return network.activations(image, taps)
    values = network.original.activations(network.preprocess.encode(image), taps)
    return {tap: value.float() for tap, value in values.items()}
