"""What is wrong with settings, in words."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_OUT_OF_BOUNDS = ("greater_than_equal", "less_than_equal")
_NOT_THERE = {"path_not_file": "a file", "path_not_directory": "a folder"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with one setting; `origin` says where its value came from, unless the call shows it."""

    setting: str
    text: str
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.setting}: {self.text}" + (f" ({self.origin})" if self.origin else "")


class SettingsError(ValueError):
    """Settings that cannot be used; `faults` lists everything wrong with them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def fault(error: ErrorDetails, fields: Mapping[str, FieldInfo]) -> Fault:
    """One of pydantic's errors in our words: the value, and what is allowed."""
    name, kind, value = str(error["loc"][0]), error["type"], error["input"]
    if kind == "extra_forbidden":
        return Fault(name, f"no such setting{nearest(name, fields)}")
    if kind == "value_error":  # of a validator of ours
        return Fault(name, str(error["ctx"]["error"]))
    if kind == "string_too_short":
        return Fault(name, "it is empty")
    return Fault(name, f"{_shown(value, kind)} is not {_allowed(fields[name], kind)}")


def bounds(field: FieldInfo) -> tuple[float, float] | None:
    """The least and the greatest value of a number."""
    least = [constraint.ge for constraint in field.metadata if hasattr(constraint, "ge")]
    greatest = [constraint.le for constraint in field.metadata if hasattr(constraint, "le")]
    return (least[0], greatest[0]) if least and greatest else None


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The names to choose from; none if it is not a choice."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def is_text(field: FieldInfo) -> bool:
    """Whether it takes any text."""
    return field.annotation in (str, str | None)


def nearest(name: str, names: Collection[str]) -> str:
    """What to add to a message about a `name` that is not among `names`."""
    found = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {found[0]}?" if found else ""


def _shown(value: Any, kind: str) -> str:
    """Numbers and paths are shown bare: flags and variables hold them as text."""
    bare = kind in _OUT_OF_BOUNDS or kind in _NOT_THERE or isinstance(value, Path)
    return str(value) if bare else repr(value)


def _allowed(field: FieldInfo, kind: str) -> str:
    if names := choices(field):
        return f"{', '.join(names[:-1])} or {names[-1]}"
    if limits := bounds(field):
        number = "" if kind in _OUT_OF_BOUNDS else "a whole number " if field.annotation in (int, int | None) else "a number "
        return f"{number}between {limits[0]:.10g} and {limits[1]:.10g}"
    if kind == "string_pattern_mismatch":
        return "auto or a device as PyTorch names it: cpu, cuda, cuda:1, mps, ..."
    return _NOT_THERE.get(kind, "text" if is_text(field) else "a path")
