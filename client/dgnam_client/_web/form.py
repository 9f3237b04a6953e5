"""The form that asks for pictures: what it offers, from what the server tells of its methods, and what was filled in.

Rules: a form is read whole, and every problem in it is told at once. What was left empty is left to the server.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._catalog import Method, Methods, Model, Option
from .catalogue import Target
from .drawings import PREVIEWS, Wish

MOST_PICTURES = 16  # of one click
MOST_EXEMPLARS = 64  # of each unit; an index may keep fewer
NO_PROJECTIONS = "none"
MOST_SEEDS = 1000  # of each unit of a job
MOST_FIELDS = 200
MOST_SEED = 2**53 - 1  # what a browser's numbers hold
OPTION = "option."
BALANCES = ("gradient-norm", "equal-activation", "none")
READOUTS = ("activation", "probability", "log-probability")
_PARTS = ["png", "history"]
_RATE = "start_learning_rate"  # whose default is the prior's own


@dataclass(frozen=True)
class Knob:
    """An option of a method with its default here, which a prior may have changed.

    Attributes:
        default: None where the server takes it from elsewhere.
    """

    option: Option
    default: float | None

    @property
    def field(self) -> str:
        """Its field's name."""
        return OPTION + self.option.name

    @property
    def name(self) -> str:
        """What to call it."""
        return self.option.name.replace("_", " ")

    @property
    def step(self) -> str:
        """The step of its field."""
        return "1" if self.option.integer else "any"


@dataclass(frozen=True)
class Choices:
    """What a form offers.

    Attributes:
        priors: Those that a method with a prior may draw with.
        prior: The one chosen; None of a method without.
    """

    methods: Methods
    priors: tuple[Model, ...]
    method: Method
    prior: Model | None

    @classmethod
    def of(cls, methods: Methods, models: Sequence[Model], asked: Mapping[str, str], networks: Collection[str] = ()) -> Choices:
        """What to offer once a method and a prior are chosen.

        Args:
            asked: The fields `method` and `prior`; what there is not of these names counts as not chosen.
            networks: The names of the target's networks, which tell what prior suits it.
        """
        priors = tuple(model for model in models if model.role == "prior")
        preferred = methods.default_method if priors else methods.default_pixel_method
        chosen = _named(methods.methods, asked.get("method", "")) or _named(methods.methods, preferred) or methods.methods[0]
        prior = _named(priors, asked.get("prior", "")) or _suited(priors, models, networks, methods.default_prior)
        return cls(methods, priors, chosen, None if chosen.pixels else prior)

    @property
    def knobs(self) -> list[Knob]:
        """The method's options."""
        code = None if self.prior is None else self.prior.code
        defaults = {one.name: one.default for one in self.method.options}
        if code is not None:
            defaults |= {name: code.start_learning_rate for name in [_RATE] if name in defaults and defaults[name] is None}
            defaults |= code.option_defaults.get(self.method.name, {})
        return [Knob(one, defaults[one.name]) for one in self.method.options]

    @property
    def parts(self) -> list[tuple[str, list[Knob]]]:
        """The options by the part of the method that they tune, the method's own first."""
        parts: dict[str, list[Knob]] = {"method": []}
        for knob in self.knobs:
            parts.setdefault(knob.option.part, []).append(knob)
        return [(part, knobs) for part, knobs in parts.items() if knobs]


@dataclass(frozen=True)
class JobWish:
    """Pictures to have the server draw of a tap's units.

    Attributes:
        template: How to draw, as the client's call takes it.
        seeds: How many of each unit.
        exemplars: What is shown beside them, as the keywords of the client's call; None: nothing.
    """

    model: str
    tap: str
    template: Mapping[str, Any]
    seeds: int
    exemplars: Mapping[str, Any] | None = None

    @property
    def beside(self) -> int:
        """How many pictures of each unit are shown beside those that are drawn."""
        return 0 if self.exemplars is None else int(self.exemplars["count"]) * (2 if self.exemplars["project"] else 1)


class Problems(Exception):
    """What is wrong with a form: each field with what is wrong with it."""

    def __init__(self, found: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in found))
        self.found = list(found)


def wishes(choices: Choices, target: Target, fields: Mapping[str, str], start: bytes | None) -> list[Wish]:
    """The pictures that a form asks for.

    Args:
        choices: Those of the form's method and prior.
        target: For what.
        fields: What was filled in, by the field's name.
        start: The photograph to start from.

    Raises:
        Problems: Something is wrong with it.
    """
    reading = _Reading(fields)
    keywords = reading.drawing(choices)
    seed = int(reading.number("seed", Option("seed", "", 0, MOST_SEED, 0, integer=True)) or 0)
    count = int(reading.number("count", Option("count", "", 1, MOST_PICTURES, 1, integer=True)) or 1)
    keywords["readout"] = reading.one_of("readout", READOUTS)
    keywords["balance"] = reading.one_of("balance", BALANCES) if len(target.terms) > 1 else None
    keywords["start"] = start
    if reading.problems:
        raise Problems(reading.problems)
    steps = int(keywords.get("steps") or next((knob.default for knob in choices.knobs if knob.option.name == "steps"), 0) or 0)
    keywords |= {"preview_interval": max(1, steps // PREVIEWS), "include": _PARTS}
    return [Wish(target, choices.method.pixels, {**keywords, "seed": seed + number}, steps) for number in range(count)]


def job_wish(choices: Choices, fields: Mapping[str, str]) -> JobWish:
    """The job that a tap's form asks for.

    Raises:
        Problems: Something is wrong with it.
    """
    reading = _Reading(fields)
    model, _, tap = fields.get("place", "").partition(":")
    if not (model and tap):
        reading.problems.append(("place", "a tap is wanted, such as alexnet64:fc8"))
    keywords = reading.drawing(choices)
    seeds = reading.number("seeds", Option("seeds", "", 1, MOST_SEEDS, 1, integer=True)) or 1
    count = reading.number("exemplars", Option("exemplars", "", 0, MOST_EXEMPLARS, 0, integer=True))
    projections = reading.one_of("projections", [NO_PROJECTIONS, *(method.name for method in choices.methods.projections)])
    if reading.problems:
        raise Problems(reading.problems)
    project = projections != NO_PROJECTIONS
    exemplars = {"count": int(count), "project": project, "method": projections if project else None} if count else None
    return JobWish(model, tap, {**keywords, "pixels": choices.method.pixels}, int(seeds), exemplars)


class _Reading:
    """Reads fields, and collects what is wrong with them."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields
        self.problems: list[tuple[str, str]] = []

    def drawing(self, choices: Choices) -> dict[str, Any]:
        """How to draw, as the client's calls take it: the method, the prior, and those of its options that were filled in."""
        for name, chosen in (("method", choices.method), ("prior", choices.prior)):
            asked = self.fields.get(name)
            if asked and chosen is not None and chosen.name != asked:
                self.problems.append((name, f"there is no {asked[:40]!r} on this server"))
        options = {knob.option.name: value for knob in choices.knobs if (value := self.number(knob.field, knob.option)) is not None}
        foreign = {name for name in self.fields if name.startswith(OPTION)} - {knob.field for knob in choices.knobs}
        self.problems += [(name.removeprefix(OPTION)[:40], f"{choices.method.name} has no such option") for name in sorted(foreign)]
        return {"method": choices.method.name, **options} | ({} if choices.prior is None else {"prior": choices.prior.name})

    def number(self, name: str, option: Option) -> float | None:
        """A field's number; None where it is empty or wrong."""
        text = self.fields.get(name, "").strip()
        if not text:
            return None
        wrong = ""
        value = math.nan
        try:
            value = float(text)
        except ValueError:
            wrong = "is not a number"
        if not wrong and not (math.isfinite(value) and option.minimum <= value <= option.maximum):
            wrong = f"is not between {option.minimum:.10g} and {option.maximum:.16g}"
        if not wrong and option.integer and value != int(value):
            wrong = "is not a whole number"
        if wrong:
            self.problems.append((option.name, f"{text[:40]} {wrong}"))
            return None
        return value

    def one_of(self, name: str, allowed: Sequence[str]) -> str | None:
        """A field's word; None where it is empty or wrong."""
        text = self.fields.get(name, "")
        if text and text not in allowed:
            self.problems.append((name, f"{text[:40]!r} is none of {', '.join(allowed)}"))
        return text or None


def _named(things: Sequence[Any], name: str) -> Any:
    return next((thing for thing in things if thing.name == name), None)


def _suited(priors: Sequence[Model], models: Sequence[Model], networks: Collection[str], default: str) -> Model | None:
    """The prior for a target in these networks, by the server's own rule: one that was made for one of them, or else for a network
    with pictures of about that size. It is sent by its name, since the options' defaults that a form shows are this prior's."""
    sizes = {model.name: max(model.image_size) for model in models}
    side = max((sizes[name] for name in networks if name in sizes), default=0)

    def distance(prior: Model) -> tuple[bool, float, bool, str]:
        encoder = prior.code.encoder if prior.code is not None else ""
        apart = abs(math.log(max(1, sizes.get(encoder, sizes[prior.name])) / max(1, side))) if side else 0.0
        return encoder not in networks, apart, prior.name != default, prior.name

    return min(priors, key=distance, default=None)
