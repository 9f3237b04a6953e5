"""What a job is to draw: its pictures, each with an address that says all that makes it what it is."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

_JOB_DIGITS = 16


@dataclass(frozen=True)
class Setting:
    """What pictures have in common.

    Attributes:
        kind: the field of a Recipe that holds such a request.
        request: without target and seed, all defaults filled in, as bytes.
        models: SHA-256 of the weights of each model that takes part, by its name.
    """

    kind: str
    request: bytes
    models: Mapping[str, str]

    @cached_property
    def models_text(self) -> str:
        """The models as the store keeps them."""
        return json.dumps(dict(self.models), sort_keys=True)

    @cached_property
    def digest(self) -> str:
        """Its name."""
        return _digest(self.kind.encode(), self.request, self.models_text.encode())


@dataclass(frozen=True)
class Picture:
    """A picture to be drawn; `text` to `width` are for people, and to find it again."""

    setting: Setting
    target: bytes
    seed: int
    text: str
    model: str
    tap: str
    unit: int
    label: str
    method: str
    prior: str
    height: int
    width: int

    @cached_property
    def address(self) -> str:
        """SHA-256 of all that makes it what it is."""
        return _digest(self.setting.digest.encode(), self.target, self.seed.to_bytes(8, "big"))


@dataclass(frozen=True)
class Plan:
    """A job to be submitted; `request` as the client sent it."""

    pictures: Sequence[Picture]
    request: bytes
    title: str
    client: str

    @cached_property
    def distinct(self) -> Mapping[str, Picture]:
        """By their addresses, in order."""
        return {one.address: one for one in self.pictures}

    @cached_property
    def id(self) -> str:
        """The same for the same pictures, in whatever order they are asked for."""
        return _digest(*(address.encode() for address in sorted(self.distinct)))[:_JOB_DIGITS]


def _digest(*parts: bytes) -> str:
    """SHA-256 of the parts, each with its length."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()
