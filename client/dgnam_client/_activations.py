"""What networks make of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._place import Place, PlaceLike, parse_places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ActivationPercentiles:
    """How the activations at a place compare with photographs'. A photograph counts with the maximum of a unit's map, wherever it is.

    Attributes:
        percents: Of how many of the photographs, in percent, an activation is above that of theirs; float32. Of a whole convolutional
            tap the maximum of each unit's map is compared, (units,); of any other place each activation, so the shape is that of the
            activations. The first axis is the pictures, where a list of them was given.
        largest: The largest activation that a photograph gives each unit, (units,); () of one unit.
        index: The server's index.
        photographs: How many photographs it is of.
    """

    percents: NDArray[np.float32]
    largest: NDArray[np.float32]
    index: str
    photographs: int


@dataclass(frozen=True, eq=False, repr=False)
class Activations:
    """The activations at each place, before the layer's ReLU. Iterates over the arrays, in the order of the places.

    Attributes:
        places: Where they were read.
        arrays: An array for each place, float32. Its first axis is the pictures, where a list of them was given. The rest is the
            tap's shape for a whole tap, its map (height, width) for a convolutional unit, and nothing for a fully connected unit.
            A position leaves out the axes of the map.
        model_digests: SHA-256 of the weight file of each model that took part.
        percentiles: For each place how its activations compare with photographs'; None where the server has no index of its units.
    """

    places: tuple[Place, ...]
    arrays: tuple[NDArray[np.float32], ...]
    model_digests: dict[str, str]
    percentiles: tuple[ActivationPercentiles | None, ...]

    @property
    def array(self) -> NDArray[np.float32]:
        """The array of the only place.

        Raises:
            ValueError: There are several places.
        """
        if len(self.arrays) != 1:
            raise ValueError(f"there are {len(self.arrays)} places: write activations[{str(self.places[0])!r}] or activations[0]")
        return self.arrays[0]

    def __getitem__(self, place: int | PlaceLike) -> NDArray[np.float32]:
        """The array of a place, by its address or its index."""
        if isinstance(place, int):
            return self.arrays[place]
        (wanted,) = parse_places(place)
        if wanted not in self.places:
            raise KeyError(f"{wanted} is none of {', '.join(map(str, self.places))}")
        return self.arrays[self.places.index(wanted)]

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        read = ", ".join(f"{place} {array.shape}" for place, array in zip(self.places, self.arrays, strict=True))
        return f"<Activations {read}>"
