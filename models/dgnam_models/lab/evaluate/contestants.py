"""Contestants: the ways to draw that `evaluate` compares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from dgnam_client import Client, Methods
from torch import Tensor

from dgnam_models.card import ModelCard
from dgnam_models.errors import StudyError
from dgnam_models.lab.evaluate import kept, quality
from dgnam_models.lab.evaluate.drawing import draw
from dgnam_models.lab.evaluate.settings import Settings
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs


@dataclass(frozen=True)
class Contestant:
    """A way to draw pictures: its name in the report, and its options of `Client.synthesize`, or, where it draws without a prior, of
    `Client.synthesize_pixels`; None: the server's default.
    """

    name: str
    options: Mapping[str, Any]
    pixels: bool = False


def of(settings: Settings) -> list[Contestant]:
    """The priors, then the methods in pixels."""
    asked = {name: getattr(settings, name) for name in ("method", "steps", "bound_multiplier", "start_learning_rate")}
    priors = [Contestant(prior, {"prior": prior, "seed": 0, **asked, **settings.options}) for prior in settings.prior]
    in_pixels = [Contestant(method, {"method": method, "seed": 0, "steps": settings.steps}, pixels=True) for method in settings.pixels]
    return priors + in_pixels


def not_in_pixels(names: Sequence[str], methods: Methods) -> list[str]:
    """Which of `names` are no methods in pixels, a line each."""
    there = [method.name for method in methods if method.pixels]
    return [f"--pixels: {name!r} is not a method in pixels; there are {', '.join(there)}" for name in names if name not in there]


def filled_in(contestant: Contestant, methods: Methods, cards: Mapping[str, ModelCard]) -> dict[str, Any]:
    """The contestant's options with the server's and the prior's defaults in place of None."""
    name = contestant.options["method"] or methods.default_method
    defaults: dict[str, Any] = {option.name: option.default for method in methods if method.name == name for option in method.options}
    if not contestant.pixels:
        card = cards[contestant.name]
        assert card.code is not None
        defaults |= {"method": name, "start_learning_rate": card.code.start_learning_rate, **card.options.get(name, {})}
    return defaults | {key: value for key, value in contestant.options.items() if value is not None}


@dataclass(frozen=True)
class Asked:
    """What every contestant draws: `each` pictures of these output units, kept within `folder`."""

    units: Sequence[int]
    each: int
    folder: Path


def units(names: Sequence[str], target: Network) -> list[int]:
    """The output units that labels or numbers name, in order; no name: all.

    Raises:
        StudyError: a name is neither.
    """
    labels = target.card.labels
    if not names:
        return list(range(len(labels)))
    numbers = {**{str(number): number for number in range(len(labels))}, **{label: number for number, label in enumerate(labels)}}
    if unknown := [name for name in names if name not in numbers]:
        raise StudyError(f"--units: {target.name} has no output unit {', '.join(unknown[:8])}; see `dgnam units {target.name}`")
    return sorted({numbers[name] for name in names})


def drawn(client: Client, contestant: Contestant, target: Network, asked: Asked, request: Mapping[str, Any]) -> Photographs:
    """The pictures asked for, a unit's one after another; those that were kept by an earlier run are not drawn again.

    Args:
        request: all that decides how the pictures look, but for unit and seed.
    """
    folder = kept.folder(asked.folder, contestant.name, request)
    for seed in range(asked.each):
        missing = [unit for unit in asked.units if not kept.path(folder, unit, seed).exists()]
        if missing:
            files = [kept.path(folder, unit, seed) for unit in missing]
            addresses = [f"{target.card.name}:{target.card.output_tap}:{unit}" for unit in missing]
            options = {**contestant.options, "seed": seed}
            label = f"{contestant.name} draws, seed {seed}"
            draw(client, addresses, label, on_image=_keeper(files), pixels=contestant.pixels, **options)
    pixels = [kept.read(kept.path(folder, unit, seed)) for unit in asked.units for seed in range(asked.each)]
    return Photographs(torch.stack(pixels), torch.tensor(asked.units).repeat_interleave(asked.each), target.card.labels)


def _keeper(files: Sequence[Path]) -> Callable[[int, Tensor], None]:
    return lambda index, image: kept.keep(files[index], quality.as_pixels(image))
