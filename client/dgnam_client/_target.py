"""Targets: units with weights, as text and in other forms, and their message.

A term is a unit with a weight, `0.5*model:tap:unit`. A target is one or more terms: `term+term`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from dgnam_proto.v1 import target_pb2

from ._errors import InvalidAddressError
from ._options import Balance, Readout
from ._unit import Unit, read_unit, unit_message
from ._wire.fields import choice

READOUTS: Mapping[int, Readout] = {
    target_pb2.READOUT_ACTIVATION: "activation",
    target_pb2.READOUT_PROBABILITY: "probability",
    target_pb2.READOUT_LOG_PROBABILITY: "log-probability",
}
# A label may contain a plus; a plus between terms is one that a new address follows.
_BETWEEN_TERMS = re.compile(r"\+(?=[^:+]*:[^:+]*:)")


@dataclass(frozen=True)
class Term:
    """One unit of a target, with its weight.

    Attributes:
        unit: The unit.
        weight: How much it counts; a negative one makes pictures that the unit dislikes.
        readout: "activation", "probability" or "log-probability"; None: what the call says, or else the server's default.
    """

    unit: Unit
    weight: float = 1.0
    readout: Readout | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight) or self.weight == 0:
            raise InvalidAddressError(f"the weight of {self.unit} is {self.weight}: it must be a number other than 0")

    @classmethod
    def parse(cls, text: str) -> Term:
        """Read an address with or without a weight in front, such as `-0.5*alexnet64:fc8:lemon`.

        Raises:
            InvalidAddressError: The text is not an address, or the weight not a number.
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
        InvalidAddressError: Something in it is not an address, or it is empty.
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
        InvalidAddressError: Something in the target is not an address, or an index or position is out of range.
        InvalidRequestError: No such balance or readout.
    """
    return target_pb2.Target(
        terms=[_term_message(term, readout) for term in parse_target(target)],
        balance=choice("BALANCE", balance, get_args(Balance), field="balance"),
    )


def target_terms(message: target_pb2.Target) -> tuple[Term, ...]:
    """The terms of a target's message."""
    return tuple(
        Term(read_unit(term.unit), term.weight if term.HasField("weight") else 1.0, READOUTS.get(term.readout)) for term in message.terms
    )


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
    # A direction or features say themselves what is read.
    read = term.readout or (None if term.unit.whole_tap else readout)
    message = target_pb2.Term(unit=unit_message(term.unit), readout=choice("READOUT", read, get_args(Readout), field="readout"))
    if term.weight != 1:
        message.weight = term.weight
    return message
