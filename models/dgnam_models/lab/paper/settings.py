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


def wanted(settings: Settings) -> tuple[list[str], list[str]]:
    """The figures to draw, and those that were not asked for by name and cannot be drawn without --data."""
    names = settings.figures or published.names()
    skipped = [name for name in names if not settings.figures and not settings.data and _untrained(name, settings.run_dir)]
    return [name for name in names if name not in skipped], skipped


def _untrained(figure: str, runs: Path) -> bool:
    return not all(trained(recipe, runs) for recipe in published.recipes(figure))


def problems(settings: Settings) -> list[str]:
    """Everything that can be seen to be wrong with the settings before anything is trained or drawn."""
    known = published.names()
    found = [f"no figure {name!r}; there are {', '.join(known)}" for name in settings.figures if name not in known]
    for name in settings.figures:
        if name in known and not settings.data and _untrained(name, settings.run_dir):
            found.append(f"{name} shows classifiers that are not trained yet; give --data, photographs to train them on")
    for path in (*settings.data, *settings.val, *settings.scenes_val):
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
