"""Recipes: all it takes to draw a picture again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from dgnam_proto.v1 import synthesis_pb2

from ._errors import InvalidRequestError
from ._file import write_file
from ._target import Term, target_terms

AnyRequest = TypeVar("AnyRequest", bound=Any)
Request = synthesis_pb2.SynthesizeRequest | synthesis_pb2.SynthesizePixelsRequest
# The fields that hold the request: one for each of the calls that draw.
KINDS = ("synthesize", "synthesize_pixels")


@dataclass(frozen=True)
class Percentile:
    """How a term's activation compares with photographs'.

    Attributes:
        term: The term's number in the target, from 0.
        percent: Of how many of the photographs, in percent, the activation is above that of theirs. A photograph counts with the maximum
            of the unit's map where the term reads a position, and with the map's mean where it reads the mean.
        largest: The largest activation that a photograph gives, read in the same way.
        index: The server's index.
        photographs: How many photographs it is of.
    """

    term: int
    percent: float
    largest: float
    index: str
    photographs: int

    def __str__(self) -> str:
        if self.percent >= 100:
            return f"above all {self.photographs} photographs (at most {self.largest:.4g})"
        return f"above {self.percent:.4g}% of {self.photographs} photographs (at most {self.largest:.4g})"


class Record:
    """A request with every default filled in, and what it ran on. Two are equal where everything in them is.

    A subclass says which message of the contract it holds, and which of its fields hold the request.
    """

    _kind: Any
    _fields: tuple[str, ...]

    def __init__(self, message: Any) -> None:
        self._message: Any = self._kind()
        self._message.CopyFrom(message)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            InvalidRequestError: The text is no recipe.
        """
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise InvalidRequestError(f"this is not a recipe: {error}") from error
        return cls.from_dict(fields)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            InvalidRequestError: The dict is no recipe.
        """
        from google.protobuf import json_format

        # Other JSON, and an empty object, would pass for a recipe in which nothing is set.
        if not isinstance(fields, dict) or not any(fields.get(kind) for kind in cls._fields):
            raise InvalidRequestError(f"this is not a recipe: it holds no {' or '.join(cls._fields)}")
        try:
            return cls(json_format.ParseDict(fields, cls._kind()))
        except json_format.ParseError as error:
            raise InvalidRequestError(f"this is not a recipe: {error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a recipe file.

        Raises:
            InvalidRequestError: The file holds no recipe.
            OSError: The file cannot be read.
        """
        try:
            return cls.from_json(Path(path).read_bytes())
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{path}: {error.message}") from error

    def to_json(self) -> str:
        """The recipe as JSON, with the contract's field names, sorted."""
        # Maps come in any order, and equal recipes should be equal files.
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON's types, with the contract's field names."""
        from google.protobuf import json_format

        return json_format.MessageToDict(self._message, preserving_proto_field_name=True)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the recipe as JSON; a file that is there is replaced, whole or not at all.

        Raises:
            OSError: The file cannot be written.
        """
        return write_file(Path(path), self.to_json().encode())

    def request(self) -> Any:
        """The request that does the same again: a copy."""
        request = type(self._request)()
        request.MergeFrom(self._request)
        return request

    @property
    def _request(self) -> Any:
        return getattr(self._message, self._message.WhichOneof("request") or self._fields[0])

    @property
    def model_digests(self) -> dict[str, str]:
        """SHA-256 of the weight file of each model that took part."""
        return dict(self._message.model_digests)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of dgnam, torch and others."""
        return dict(self._message.versions)

    @property
    def device(self) -> str:
        """The processor or GPU it ran on."""
        device: str = self._message.device
        return device

    def differences(self, other: Self) -> list[str]:
        """What may make the other recipe's picture differ, one line each: request, weights, versions, device."""
        lines = ["request: not the same"] if drawing(self.request()) != drawing(other.request()) else []
        for kind, mine, theirs in (("weights", self.model_digests, other.model_digests), ("version", self.versions, other.versions)):
            for name in sorted(mine.keys() | theirs.keys()):
                before, after = (facts.get(name, "none")[:12] for facts in (mine, theirs))
                if mine.get(name) != theirs.get(name):
                    lines.append(f"{kind} of {name}: {before}, now {after}")
        if self.device != other.device:
            lines.append(f"device: {self.device}, now {other.device}")
        return lines

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and bool(self._message == other._message)

    # A message is mutable in principle, so there is nothing to hash.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_bytes, (type(self), self._message.SerializeToString())


class Recipe(Record):
    """All it takes to draw a picture again: the request with every default filled in, and what it ran on.

    Two recipes are equal where everything in them is.
    """

    _kind = synthesis_pb2.Recipe
    _fields = KINDS

    @property
    def target(self) -> str:
        """The target as text: terms joined by `+`."""
        return "+".join(map(str, self.terms))

    @property
    def terms(self) -> tuple[Term, ...]:
        """The target's terms."""
        return target_terms(self._request.target)

    @property
    def seed(self) -> int:
        """The seed of this picture."""
        seed: int = self._request.seed
        return seed

    @property
    def percentiles(self) -> tuple[Percentile, ...]:
        """How the picture's activations compare with photographs', where the server has an index of these."""
        return tuple(Percentile(one.term, one.percent, one.largest, one.index, one.photographs) for one in self._message.percentiles)

    @property
    def method(self) -> str:
        """The method, as `Client.methods()` names it."""
        method: str = self._request.method
        return method

    @property
    def options(self) -> dict[str, float]:
        """The method's options by name."""
        return dict(sorted(self._request.options.items()))

    def __repr__(self) -> str:
        prior = f" prior={self._request.prior}" if hasattr(self._request, "prior") else ""
        return f"<Recipe {self.target}{prior} method={self.method} steps={self.options.get('steps', 0):g} seed={self.seed}>"


def drawing(request: AnyRequest) -> AnyRequest:
    """The request without what leaves the picture as it is: which parts of it are sent. Changes the request itself."""
    if "include" in request.DESCRIPTOR.fields_by_name:
        request.ClearField("include")
    return request


def _from_bytes(kind: type[Record], content: bytes) -> Record:
    return kind(kind._kind.FromString(content))
