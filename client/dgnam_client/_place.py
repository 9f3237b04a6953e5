"""Places to read activations at: a tap, or one unit of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ._errors import InvalidAddressError
from ._unit import Position, Unit, index_or_label, position_text, split_position, unit_text


@dataclass(frozen=True)
class Place:
    """Where activations are read: a whole tap, or one unit of it.

    Attributes:
        model: The classifier's name.
        tap: The tap's name; None: the output tap.
        unit: The unit's index or label; None: all of the tap.
        position: (y, x) in a convolutional tap's map, or the number of a token in its sequence; None: all of them.
    """

    model: str
    tap: str | None = None
    unit: int | str | None = None
    position: Position | None = None

    def __post_init__(self) -> None:
        if self.unit is not None and not isinstance(self.unit, int | str):
            raise InvalidAddressError(f"a {type(self.unit).__name__} is not a unit whose activation can be read", advice=ADVICE)
        if self.unit is not None and self.tap is None:
            raise InvalidAddressError(f"unit {self.unit!r} of {self.model} has no tap", advice=ADVICE)

    @classmethod
    def parse(cls, address: str) -> Place:
        """Read `model`, `model:tap` or `model:tap:unit`, with `@y,x` after it for one position of a map, or `@n` for a token.

        Raises:
            InvalidAddressError: The text is not an address.
        """
        parts = [part.strip() for part in address.split(":", 2)]
        if not all(parts):
            raise InvalidAddressError(f"{address!r} is not the address of a tap or a unit", advice=ADVICE)
        parts[-1], position = split_position(address, parts[-1])
        model, tap, unit = (*parts, None, None)[:3]
        assert model is not None
        return cls(model, tap, None if unit is None else index_or_label(address, unit), position)

    def __str__(self) -> str:
        names = ":".join(name for name in (self.model, self.tap, None if self.unit is None else unit_text(self.unit)) if name is not None)
        return names + position_text(self.position)


ADVICE = "Write model:tap, as in alexnet64:conv5, or model:tap:unit, as in alexnet64:fc8:lemon; model alone is its output tap."
PlaceLike = str | Place | Unit


def parse_places(places: PlaceLike | Iterable[PlaceLike]) -> tuple[Place, ...]:
    """Places in any of their forms: an address, a Place, a Unit, or several of these.

    Raises:
        InvalidAddressError: Something in it is not an address, or it is empty.
    """
    several = [places] if isinstance(places, str | Place | Unit) else list(places)
    if not several:
        raise InvalidAddressError("there is no place to read activations at", advice=ADVICE)
    return tuple(map(_place, several))


def _place(place: object) -> Place:
    if isinstance(place, Place):
        return place
    if isinstance(place, Unit):
        return Place(place.model, place.tap, place.unit, place.position)  # type: ignore[arg-type]  # Place refuses the others
    if isinstance(place, str):
        return Place.parse(place)
    raise InvalidAddressError(f"{place!r} is not the address of a tap or a unit", advice=ADVICE)
