"""Targets: unit addresses as text, their parsed forms, and their message.

One unit is `model:tap:unit`, with `@y,x` after it for a place in a convolutional tap. The unit is an index where it is all
digits, else a label. A term is a unit with a weight, `0.5*model:tap:unit`. A target is one or more terms: `term+term`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from dgnam_proto.v1 import target_pb2

from ._errors import InvalidAddressError, InvalidRequestError
from ._picture import is_picture, picture_file

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Readout = Literal["activation", "probability", "log-probability"]
Balance = Literal["none", "gradient-norm", "equal-activation"]

_READOUTS: Mapping[int, Readout] = {
    target_pb2.READOUT_ACTIVATION: "activation",
    target_pb2.READOUT_PROBABILITY: "probability",
    target_pb2.READOUT_LOG_PROBABILITY: "log-probability",
}
# A label may contain a plus; a plus between terms is one that a new address follows.
_BETWEEN_TERMS = re.compile(r"\+(?=[^:+]*:[^:+]*:)")
_POSITION = re.compile(r"(?P<unit>.*)@\s*(?P<y>\d+)\s*,\s*(?P<x>\d+)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Direction:
    """In place of a unit: a weighted sum of all units of a tap.

    Attributes:
        vector: A weight for each unit, or for each channel of a convolutional tap.
    """

    vector: ArrayLike

    def __str__(self) -> str:
        return "direction"


@dataclass(frozen=True, eq=False)
class Features:
    """In place of a unit: all activations of a tap as they ought to be, so that the picture becomes one that the network cannot tell
    from another (Pan et al. 2017, eq. 4). The activation is minus the relative squared distance; 0 is the best.

    Attributes:
        of: The picture that gives the activations (a PIL image, a path, a file's bytes, a Result), or the activations themselves, an
            array of the tap's shape.
    """

    of: Any

    def __str__(self) -> str:
        return "features"


@dataclass(frozen=True)
class Unit:
    """One unit of one network, or what takes a unit's place.

    Attributes:
        model: The classifier's name.
        tap: The tap's name.
        unit: The unit's index, or its label (upper and lower case, spaces, hyphens and underscores do not matter); or a Direction or
            Features.
        position: (y, x) in a convolutional tap's map; None: the mean over the map.
    """

    model: str
    tap: str
    unit: int | str | Direction | Features
    position: tuple[int, int] | None = None

    @classmethod
    def parse(cls, address: str) -> Unit:
        """Read an address such as `alexnet64:fc8:lemon` or `alexnet64:conv5:12@6,6`.

        Raises:
            InvalidAddressError: The text is no address.
        """
        parts = [part.strip() for part in address.split(":", 2)]
        if len(parts) != 3 or not all(parts):
            raise InvalidAddressError(f"{address!r} is not a unit address")
        model, tap, unit = parts
        if "@" not in unit:
            return cls(model, tap, _index_or_label(unit))
        place = _POSITION.fullmatch(unit)
        if place is None or not place["unit"].strip():
            raise InvalidAddressError(f"{address!r} is not a unit address: what follows the @ is not y,x")
        return cls(model, tap, _index_or_label(place["unit"].strip()), (int(place["y"]), int(place["x"])))

    def __str__(self) -> str:
        place = "" if self.position is None else "@{},{}".format(*self.position)
        return f"{self.model}:{self.tap}:{self.unit}{place}"


@dataclass(frozen=True)
class Term:
    """One unit of a target, with its weight.

    Attributes:
        unit: The unit.
        weight: How much it counts; a negative one makes pictures that the unit dislikes.
        readout: "activation", "probability" or "log-probability"; None: what the call says, else the server's default.
    """

    unit: Unit
    weight: float = 1.0
    readout: Readout | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight) or self.weight == 0:
            raise InvalidAddressError(f"the weight of {self.unit} is {self.weight}, and must be a number other than zero")

    @classmethod
    def parse(cls, text: str) -> Term:
        """Read an address with or without a weight in front, such as `-0.5*alexnet64:fc8:lemon`.

        Raises:
            InvalidAddressError: The text is no weighted address.
        """
        # Only before the first colon: a label may contain an asterisk.
        model, colon, rest = text.partition(":")
        weight, star, model = model.rpartition("*")
        unit = Unit.parse(model + colon + rest)
        if not star:
            return cls(unit)
        try:
            return cls(unit, float(weight))
        except ValueError as error:
            if isinstance(error, InvalidAddressError):
                raise
            raise InvalidAddressError(f"{weight!r} in {text!r} is not a weight") from None

    def __str__(self) -> str:
        return str(self.unit) if self.weight == 1 else f"{self.weight:g}*{self.unit}"


TermLike = str | Unit | Term | tuple[str | Unit, float]
TargetLike = TermLike | Iterable[TermLike] | Mapping[str, float] | Mapping[Unit, float]


def parse_target(target: TargetLike) -> tuple[Term, ...]:
    """The terms of a target in any of its forms.

    Args:
        target: An address or several joined by `+`, a Unit, a Term, an (address, weight) pair, a list of these (all of them in
            one picture), or a dict from address to weight.

    Raises:
        InvalidAddressError: Something in it is no address, or it is empty.
    """
    if isinstance(target, str):
        return tuple(Term.parse(text) for text in _BETWEEN_TERMS.split(target))
    if isinstance(target, Unit | Term) or _is_pair(target):
        return (_term(target),)
    if isinstance(target, Mapping):
        terms = tuple(_term(pair) for pair in target.items())
    elif isinstance(target, Iterable):
        terms = tuple(term for item in target for term in (parse_target(item) if isinstance(item, str) else (_term(item),)))
    else:
        raise InvalidAddressError(f"{target!r} is not a target")
    if not terms:
        raise InvalidAddressError("the target is empty")
    return terms


def target_message(target: TargetLike, balance: Balance | None = None, readout: Readout | None = None) -> target_pb2.Target:
    """The message of a target.

    Args:
        target: As `parse_target` takes it.
        balance: How the terms are brought together; None: the server's default.
        readout: What is read off the units of terms that do not say it themselves; None: the server's default.

    Raises:
        InvalidAddressError: Something in the target is no address.
        InvalidRequestError: No such balance or readout, or an index or position out of range.
    """
    return target_pb2.Target(
        terms=[_term_message(term, readout) for term in parse_target(target)],
        balance=choice("BALANCE", balance, get_args(Balance), field="balance"),
    )


def target_terms(message: target_pb2.Target) -> tuple[Term, ...]:
    """The terms of a target's message."""
    return tuple(
        Term(
            unit=Unit(
                model=term.unit.model,
                tap=term.unit.tap,
                unit=_named(term.unit),
                position=(term.unit.position.y, term.unit.position.x) if term.unit.HasField("position") else None,
            ),
            weight=term.weight if term.HasField("weight") else 1.0,
            readout=_READOUTS.get(term.readout),
        )
        for term in message.terms
    )


def _named(unit: target_pb2.Unit) -> int | str | Direction | Features:
    from dgnam_proto import arrays

    match unit.WhichOneof("unit"):
        case "label":
            return unit.label
        case "direction":
            return Direction(arrays.from_message(unit.direction))
        case "features":
            return Features(arrays.from_message(unit.features))
        case "features_of":
            return Features(unit.features_of)
    return unit.index


def _set_whole(message: target_pb2.Unit, whole: Direction | Features) -> None:
    from dgnam_proto import arrays

    if isinstance(whole, Direction):
        message.direction.CopyFrom(arrays.to_message(whole.vector))
    elif is_picture(whole.of):
        message.features_of = picture_file(whole.of, field="features")
    else:
        message.features.CopyFrom(arrays.to_message(whole.of))


def choice(prefix: str, value: str | None, allowed: tuple[str, ...], *, field: str) -> str | None:
    """The wire name of one of an option's words: ("BALANCE", "gradient-norm") -> "BALANCE_GRADIENT_NORM". None stays None.

    Raises:
        InvalidRequestError: The value is none of those allowed.
    """
    if value is None:
        return None
    if value not in allowed:
        description = f"{value!r} is none of {', '.join(map(repr, allowed))}"
        raise InvalidRequestError(f"{field}: {description}", violations=[(field, description)])
    return f"{prefix}_{value.replace('-', '_').upper()}"


def _index_or_label(unit: str) -> int | str:
    return int(unit) if unit.isascii() and unit.isdigit() else unit


def _is_pair(target: object) -> bool:
    return isinstance(target, tuple) and len(target) == 2 and isinstance(target[0], str | Unit) and _is_number(target[1])


def _is_number(value: object) -> bool:
    return not isinstance(value, str | Unit | Term | tuple) and hasattr(value, "__float__")


def _term(item: object) -> Term:
    if isinstance(item, Term):
        return item
    if isinstance(item, Unit):
        return Term(item)
    if isinstance(item, str):
        return Term.parse(item)
    if isinstance(item, tuple) and _is_pair(item):
        term = _term(item[0])
        return Term(term.unit, term.weight * float(item[1]), term.readout)
    raise InvalidAddressError(f"{item!r} is not a unit address")


def _term_message(term: Term, readout: Readout | None) -> target_pb2.Term:
    unit = term.unit
    whole = isinstance(unit.unit, Direction | Features)  # which says itself what is read
    read = choice("READOUT", term.readout or (None if whole else readout), get_args(Readout), field="readout")
    message = target_pb2.Term(unit=target_pb2.Unit(model=unit.model, tap=unit.tap), readout=read)
    if term.weight != 1:
        message.weight = term.weight
    try:
        if isinstance(unit.unit, str):
            message.unit.label = unit.unit
        elif isinstance(unit.unit, Direction | Features):
            _set_whole(message.unit, unit.unit)
        else:
            message.unit.index = unit.unit
        if unit.position is not None:
            # Set at once: a position at (0, 0) has nothing but its presence to tell.
            message.unit.position.CopyFrom(target_pb2.Position(y=unit.position[0], x=unit.position[1]))
    except (TypeError, ValueError) as error:
        raise InvalidAddressError(f"{unit} is not a unit address: {error}") from None
    return message
