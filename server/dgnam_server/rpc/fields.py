"""Reader: reads the fields of one request, and collects all that is wrong with them so that it is told at once."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

import numpy as np
from dgnam_proto import arrays
from dgnam_proto.v1.target_pb2 import Array

from dgnam_server.catalog import Catalog
from dgnam_server.rpc.errors import FailedPrecondition, InvalidRequest, Missing, NotFound, Reason, Unmet, Violation
from dgnam_server.rpc.wording import SHOWN, nearest
from dgnam_server.settings import Settings

_LONGEST = 500  # characters of one description: trailing metadata has little room
_SUGGESTIONS = 4  # unknown names that are told what they may have meant: looking for the names most like one takes time
Meaning = TypeVar("Meaning")


@dataclass(frozen=True)
class Reader:
    """Stands at one field of a request. `reader.at("target").at("terms", 1)` stands at target.terms[1].

    A reader and all readers made of it share their violations. What reads a field says what is wrong with it and goes on; whoever made
    the first reader calls `raise_any` at the end.

    Attributes:
        limits: its `max_...` fields bound what a request may ask for.
    """

    catalog: Catalog
    limits: Settings
    path: str = ""
    violations: list[Violation] = field(default_factory=list)
    _pixels: list[int] = field(default_factory=list)

    def at(self, name: str, index: int | None = None) -> Self:
        """A reader of the field `name` of this one; of its element `index`, where it is repeated."""
        path = f"{self.path}.{name}" if self.path else name
        return replace(self, path=path if index is None else f"{path}[{index}]")

    def invalid(self, description: str) -> None:
        """This field is malformed or out of range."""
        self.violations.append(Violation(self.path, description[:_LONGEST]))

    def missing(self, kind: str, name: str, description: str) -> None:
        """This field names something of this `kind` that is not there."""
        self.violations.append(Missing(self.path, description[:_LONGEST], kind, name[:SHOWN]))

    def unmet(self, reason: Reason, description: str) -> None:
        """This field is right in itself, but asks for what these models cannot do."""
        self.violations.append(Unmet(self.path, description[:_LONGEST], reason))

    def suggestion(self, name: str, names: Sequence[str], key: Callable[[str], str] = str.casefold) -> str:
        """The end of a message on an unknown name, see `wording.nearest`; the first few of a request get one of their own."""
        if sum(isinstance(violation, Missing) for violation in self.violations) < _SUGGESTIONS:
            return nearest(name, names, key)
        return "see what is told of the names before it"

    def count_pixels(self, number: int) -> int:
        """Count the pixels of one more picture file; returns how many the request has so far."""
        self._pixels.append(number)
        return sum(self._pixels)

    def raise_any(self) -> None:
        """Raise the gravest kind collected: InvalidRequest, which lists the others too, then NotFound, then FailedPrecondition."""
        missing = [violation for violation in self.violations if isinstance(violation, Missing)]
        unmet = [violation for violation in self.violations if isinstance(violation, Unmet)]
        if invalid := [violation for violation in self.violations if not isinstance(violation, Missing | Unmet)]:
            raise InvalidRequest([*invalid, *missing, *unmet])
        if missing:
            raise NotFound(missing)
        if unmet:
            raise FailedPrecondition(unmet)

    def within(self, value: float, least: float, most: float, kind: str = "") -> bool:
        """Whether this number is in its inclusive range, and of its `kind` ("an integer"), as NaN never is."""
        fits = least <= value <= most and (not kind or value == int(value))
        if not fits:
            self.invalid(f"{shown(value)} is not {kind and kind + ' '}between {shown(least)} and {shown(most)}")
        return fits

    def finite(self, value: float) -> bool:
        """Whether this number is finite and not zero."""
        if not (fits := math.isfinite(value) and value != 0):
            self.invalid(f"{shown(value)} is not a finite number other than 0")
        return fits

    def choice(self, value: int, meanings: Mapping[int, Meaning], enum: Any) -> Meaning | None:
        """What an enum's value means; None where it is unset, or unspecified, or unknown and so a violation."""
        if value and value not in meanings:
            self.invalid(f"{value} is unknown; it may be {', '.join(name for name, number in enum.items() if number in meanings)}")
        return meanings.get(value)

    def array(self, message: Array, shape: tuple[int, ...], of: str) -> np.ndarray | None:
        """A float32 array, which must have the shape of `of` and finite values; None: it is not one."""
        if len(message.shape) != len(shape) or tuple(message.shape) != shape:  # a hostile shape is long
            self.at("shape").invalid(f"{list(message.shape[:8])} is not {list(shape)}, the shape of {of}")
            return None
        try:
            array = arrays.from_message(message)
        except ValueError as error:
            self.at("data").invalid(str(error))
            return None
        if not np.isfinite(array).all():
            self.at("data").invalid("some values are infinite or not numbers")
        return array


def shown(value: float) -> str:
    """A number for a message: an integer in full, others to 6 digits."""
    return f"{value:g}" if isinstance(value, float) and not (value.is_integer() and abs(value) < 1e15) else str(int(value))
