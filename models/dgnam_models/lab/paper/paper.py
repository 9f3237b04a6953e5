"""Paper: train what is missing, then draw the figures and write each one's sheet and numbers."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from dgnam_models import patches
from dgnam_models.errors import StudyError
from dgnam_models.lab.evaluate.drawing import connected
from dgnam_models.lab.paper import figures, looking
from dgnam_models.lab.paper.settings import Settings, problems, trained, wanted
from dgnam_models.lab.paper.study import Figure, Study
from dgnam_models.lab.train import config
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.loop import train
from dgnam_models.lab.train.run import Run
from dgnam_models.lab.train.tasks.classifier import ClassifierTask
from dgnam_models.photographs import Photographs


def draw(settings: Settings) -> None:
    """Draw the figures that the settings ask for into `settings.out`.

    Raises:
        StudyError: the settings cannot be used, one problem a line; or the server refused or failed.
        RecipeError, DataError, CardError: as `train`.
    """
    names, skipped = wanted(settings)
    if found := problems(settings):
        raise StudyError("\n".join(found))
    for name, lacking in skipped.items():
        print(f"{name} is left out: it {lacking}", file=sys.stderr)
    run = Run(settings.run_dir, settings.data, settings.val, device=settings.device, snapshots=True)
    packs = [*settings.models, *train_missing([config.read(recipe)[0] for name in names for recipe in figures.recipes(name)], run)]
    packs += patch_pack(settings.data or settings.val, settings.run_dir)
    showing = any(map(figures.shows_photographs, names))
    indices = looking.indices(settings.val or settings.data, packs, settings.run_dir / "indices", settings.device) if showing else []
    with connected(None, packs, str(settings.device), indices) as client:
        study = Study(client, packs, settings.units, settings.seed, settings.val, settings.scenes_val, settings.pictures, settings.parts)
        for name in names:
            _write(figures.draw(name, study), name, settings.out)


def train_missing(recipes: Sequence[Recipe], run: Run) -> list[Path]:
    """Train those of `recipes` that have no pack yet, each in its own folder inside `run.folder`; all their packs.

    Raises:
        RecipeError, DataError: as `train`.
    """
    missing = [recipe for recipe in recipes if not trained(recipe.name, run.folder)]
    if missing:
        minutes = sum(_seconds_per_step(recipe, run.device) * recipe.steps for recipe in missing) / 60
        print(f"training {', '.join(recipe.name for recipe in missing)}: at today's speed {minutes:.0f} minutes, once")
    for recipe in missing:
        train(recipe, replace(run, folder=run.folder / recipe.name))
    return [run.folder / recipe.name / "pack" for recipe in recipes]


def patch_pack(photographs: Sequence[Path], runs: Path) -> list[Path]:
    """A pack with a patch set of `photographs`, made once; none without photographs.

    Raises:
        DataError: the photographs cannot be read.
    """
    pack = runs / "patches"
    if photographs and not (pack / patches.FILE).is_file():
        print(patches.write(photographs, pack))
    return [pack] if (pack / patches.FILE).is_file() else []


def _seconds_per_step(recipe: Recipe, device: torch.device) -> float:
    """How long a step takes, tried on noise: the second one, since the first also prepares."""
    task = ClassifierTask(recipe, 200, device, compiled=False)
    pixels = torch.randint(0, 256, (recipe.batch, 3, recipe.image_size, recipe.image_size), dtype=torch.uint8)
    noise = Photographs(pixels, torch.zeros(recipe.batch, dtype=torch.int64), ("noise",))
    for step in range(2):
        started = time.monotonic()
        task.step(noise, step)["loss"].item()  # reading it waits for the device
    return time.monotonic() - started


def _write(figure: Figure, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    figure.sheet.save(folder / f"{name}.png")
    text = json.dumps(figure.numbers, indent=2)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{folder / name}.png: {figures.about(name)}\n{text}", flush=True)
