"""Settings: which figures `paper` is asked to draw and of what, and what can be seen to be wrong with that beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dgnam_models
from dgnam_models.card import CardError
from dgnam_models.lab.paper import figures as published

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Settings:
    """The options of `dgnam-models paper`."""

    figures: Sequence[str]  # empty: all
    run_dir: Path  # where trained classifiers are kept
    out: Path
    device: "torch.device"
    data: Sequence[Path] = ()  # photographs to train on
    val: Sequence[Path] = ()  # held-out photographs
    scenes_val: Sequence[Path] = ()  # of the classes of alexnet64-scenes
    models: Sequence[Path] = ()  # packs
    units: int = 20  # drawn for each row
    seed: int = 0
    pictures: int = 3000  # of a search
    parts: Path | None = None  # marked pictures, for zeiler_correspondence


def wanted(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The figures to draw, and for those that were not asked for by name and cannot be drawn what they lack."""
    names = settings.figures or published.names()
    skipped = [name for name in names if not settings.figures and _lacking(name, settings)]
    return [name for name in names if name not in skipped], {name: _lacking(name, settings) for name in skipped}


def _lacking(figure: str, settings: Settings) -> str:
    """What it takes to draw the figure and is not there; empty: nothing."""
    if not settings.data and _untrained(figure, settings.run_dir):
        return "shows classifiers that are not trained yet; give --data, photographs to train them on"
    if not (settings.data or settings.val) and published.shows_photographs(figure):
        return "shows photographs; give --val, or --data"
    return ""


def _untrained(figure: str, runs: Path) -> bool:
    return not all(trained(recipe, runs) for recipe in published.recipes(figure))


def problems(settings: Settings) -> list[str]:
    """Everything that can be seen to be wrong with the settings before anything is trained or drawn."""
    known = published.names()
    found = [f"no figure {name!r}; there are {', '.join(known)}" for name in settings.figures if name not in known]
    for name in settings.figures:
        if name in known and (lacking := _lacking(name, settings)):
            found.append(f"{name} {lacking}")
    for path in (*settings.data, *settings.val, *settings.scenes_val, *([settings.parts] if settings.parts else [])):
        if not path.exists():
            found.append(f"{path} does not exist")
    for pack in settings.models:
        try:
            dgnam_models.cards([pack])
        except CardError as error:
            found.append(str(error))
    if settings.units < 1:
        found.append(f"--units is {settings.units}; it must be at least 1")
    if settings.pictures < 1:
        found.append(f"--pictures is {settings.pictures}; it must be at least 1")
    if settings.seed < 0:
        found.append(f"--seed is {settings.seed}; it must not be negative")
    return found


def trained(recipe: str, runs: Path) -> bool:
    """Whether the folder of runs has the model of the recipe."""
    return (runs / recipe / "pack" / "cards" / f"{recipe}.toml").is_file()
