"""One training run in its folder: frozen recipe, checkpoints, log, picture grids, and at the end the exported pack.

Rules of this file: the run's only state is the task's and the step count. Everything random is a function of (seed, step), so the same
command continues a killed run and ends with the same weights as one never killed.
"""

import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w
import torch
from PIL import Image
from tqdm import tqdm

import dgnam_models
from dgnam_models import photographs
from dgnam_models.card import ModelCard
from dgnam_models.errors import DataError, RecipeError
from dgnam_models.lab.train import alterations, checkpoint, export
from dgnam_models.lab.train.config import LICENCE, Recipe, settings
from dgnam_models.lab.train.denoising import DenoiserTask
from dgnam_models.lab.train.step import ClassifierTask, GeneratorTask, Task, training_batch
from dgnam_models.network import Generator, Network
from dgnam_models.photographs import Photographs


@dataclass(frozen=True)
class Run:
    """Where and how a recipe is run."""

    folder: Path
    sources: Sequence[Path]
    held_out: Sequence[Path] = ()  # empty: one image in twenty is held out
    start_from: Path | None = None  # another run's folder, whose weights are the start where they fit
    packs: Sequence[Path] = ()  # where a generator's encoder is looked up, besides the bundled models
    device: torch.device = torch.device("cpu")
    compiled: bool = False
    limit: int | None = None  # of images, for trials
    export_only: bool = False
    snapshots: bool = False  # export at every checkpoint too, as a model NAME-STEP in the same pack
    licence: str = LICENCE
    progress: bool = True
    pack: Path | None = None  # where the model is exported to; None: pack/ in the folder


def train_all(recipes: Sequence[Recipe], run: Run) -> list[ModelCard]:
    """Train recipes that belong together, each in a folder of its own inside `run.folder` and with the ones before at hand; one pack.

    A lone recipe has `run.folder` to itself.

    Raises:
        RecipeError, DataError: as `train`.
    """
    if len(recipes) == 1:
        return [train(recipes[0], run)]
    pack = run.folder / "pack"
    cards: list[ModelCard] = []
    for recipe in recipes:
        packs = [*run.packs, pack] if cards else run.packs
        cards.append(train(recipe, replace(run, folder=run.folder / recipe.name, packs=packs, pack=pack)))
    return cards


def dry_run(recipes: Sequence[Recipe], run: Run) -> list[ModelCard]:
    """`train_all` in two steps on a few images, with nothing left behind: does it all fit together?

    Raises:
        RecipeError, DataError: as `train`.
    """

    def short(recipe: Recipe) -> Recipe:
        generator = recipe.generator and replace(recipe.generator, adversarial_from_step=0)
        return replace(recipe, steps=2, checkpoint_every=2, generator=generator)

    with tempfile.TemporaryDirectory() as folder:
        limited = replace(run, folder=Path(folder), limit=4 * max(recipe.batch for recipe in recipes))
        return train_all([short(recipe) for recipe in recipes], limited)


def train(recipe: Recipe, run: Run) -> ModelCard:
    """Train `recipe`, or continue where the run folder's checkpoint stopped, and export; the exported card.

    With `run.export_only`, export what the checkpoint holds and train no further.

    Raises:
        RecipeError: the folder belongs to another recipe, or the encoder is unknown.
        DataError: the photographs cannot be used.
    """
    training, held_out = (alterations.prepared(recipe, part) for part in _photographs(recipe, run))
    task, encoder = _task(recipe, run, training)
    _freeze(recipe, run.folder)
    state = checkpoint.load(run.folder / "checkpoint.pt", run.device)
    steps, seconds = 0, 0.0
    if state is None:
        _fine_tune(recipe, run, task, training)
        _start_from(task, run)
    else:
        task.restore(state["task"])
        steps, seconds = state["step"], state["seconds"]
    if not run.export_only:
        steps, seconds = _learn(recipe, run, task, encoder, training, held_out, steps, seconds)
    if not steps:
        raise RecipeError(f"{run.folder} has no checkpoint to export yet")
    return _export(recipe, run, task, encoder, training, held_out, steps, seconds)


def _learn(
    recipe: Recipe,
    run: Run,
    task: Task,
    encoder: Network | None,
    training: Photographs,
    held_out: Photographs,
    first: int,
    seconds: float,
) -> tuple[int, float]:
    """Train from step `first` to the end; returns the steps done and the seconds spent on them, all sittings together."""
    log = run.folder / "log.jsonl"
    _forget_after(log, first)
    started = time.monotonic() - seconds
    bar = tqdm(range(first, recipe.steps), recipe.name, recipe.steps, initial=first, disable=not run.progress)
    for step in bar:
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout; with this, no random state needs saving
        figures = task.step(training, step)
        if step % 20 == 0:  # reading a figure waits for the device
            read = {name: value.item() for name, value in figures.items()}
            bar.set_postfix({name: f"{value:.3f}" for name, value in read.items()})
            _append(log, {"step": step, **read})
        done = step + 1
        if done % recipe.checkpoint_every == 0 or done == recipe.steps:
            spent = time.monotonic() - started
            _append(log, {"step": step, "seconds": round(spent, 1), **task.evaluate(held_out)})
            save_grid(task.grid(held_out), run.folder / f"grid-{done:06d}.png")
            if run.snapshots:  # before the checkpoint: a run killed in between comes here again
                _export(replace(recipe, name=f"{recipe.name}-{done:06d}"), run, task, encoder, training, held_out, done, spent)
            checkpoint.save(run.folder / "checkpoint.pt", {"task": task.state(), "step": done, "seconds": spent})
    return recipe.steps, time.monotonic() - started


def _fine_tune(recipe: Recipe, run: Run, task: Task, training: Photographs) -> None:
    if recipe.fine_tunes is None:
        return
    network = _model(run, recipe.fine_tunes, "fine_tunes")
    task.fine_tune(network.module, training_batch(recipe, training, 0, run.device)[0])


def _start_from(task: Task, run: Run) -> None:
    if run.start_from is None:
        return
    state = checkpoint.load(run.start_from / "checkpoint.pt", run.device)
    if state is None:
        raise RecipeError(f"{run.start_from} has no checkpoint to start from")
    own = task.start_from(state["task"])
    print(f"starting from the weights of {run.start_from}" + (f", but for {', '.join(own)}" if own else ""))


def save_grid(images: torch.Tensor, path: Path, columns: int = 8) -> None:
    """Write images (N, 3, S, S) in [0, 1] as one PNG, `columns` to a row."""
    size = images.shape[-1]
    rows = -(-len(images) // columns)
    sheet = torch.ones(3, rows * size, columns * size)
    for i, image in enumerate(images.cpu()):
        y, x = divmod(i, columns)
        sheet[:, y * size : (y + 1) * size, x * size : (x + 1) * size] = image
    Image.fromarray((sheet * 255).round().byte().permute(1, 2, 0).numpy()).save(path)


def _photographs(recipe: Recipe, run: Run) -> tuple[Photographs, Photographs]:
    training = photographs.read(run.sources, recipe.image_size, run.limit, run.progress)
    if not run.held_out:
        return training.split(every=20)
    held_out = photographs.read(run.held_out, recipe.image_size, run.limit, run.progress)
    if held_out.names != training.names and run.limit is None:
        raise DataError(f"the held-out photographs have {len(held_out.names)} classes, not the {len(training.names)} of training")
    return training, held_out


def _task(recipe: Recipe, run: Run, training: Photographs) -> tuple[Task, Network | None]:
    torch.manual_seed(recipe.seed)  # the initial weights
    if recipe.generator is not None:
        own = recipe.generator
        encoder = _encoder(recipe, run, own.encoder, {own.tap, *own.comparator_taps})
        return GeneratorTask(recipe, encoder, run.device, run.compiled), encoder
    if recipe.denoiser is not None:
        prior = _model(run, recipe.denoiser.prior, "denoiser.prior")
        if not isinstance(prior, Generator) or prior.card.architecture != "upconv" or not prior.card.code or not prior.card.code.encoder:
            raise RecipeError(f"denoiser.prior: {prior.name} is not a prior that was trained here")
        encoder = _encoder(recipe, run, prior.card.code.encoder, {recipe.denoiser.tap})
        size = math.prod(next(tap.shape for tap in encoder.card.taps if tap.name == recipe.denoiser.tap))
        if size != prior.code_size:
            raise RecipeError(f"denoiser.tap: {recipe.denoiser.tap} has {size} units, the code of {prior.name} {prior.code_size}")
        return DenoiserTask(recipe, prior, encoder, training, run.device), encoder
    return ClassifierTask(recipe, len(training.names), run.device, run.compiled), None


def _model(run: Run, name: str, field: str) -> Network | Generator:
    try:
        return dgnam_models.load(name, run.device, run.packs)
    except KeyError as error:
        raise RecipeError(f"{field}: {error.args[0]}") from error


def _encoder(recipe: Recipe, run: Run, name: str, taps: set[str]) -> Network:
    encoder = _model(run, name, "encoder")
    if not isinstance(encoder, Network):
        raise RecipeError(f"encoder {encoder.name} is not a classifier")
    known = [tap.name for tap in encoder.card.taps]
    if min(recipe.image_size - side for side in encoder.input_size) < 0:
        raise RecipeError(
            f"{encoder.name} takes {encoder.input_size[0]}x{encoder.input_size[1]} pixels; image_size is {recipe.image_size}, "
            "and a generator must draw at least what its encoder sees"
        )
    if missing := taps - set(known):
        raise RecipeError(f"{encoder.name} has no tap {', '.join(sorted(missing))}; it has {', '.join(known)}")
    return encoder


def _freeze(recipe: Recipe, folder: Path) -> None:
    """Write the recipe into the run folder; a folder that holds another one is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    frozen, text = folder / "recipe.toml", tomli_w.dumps(settings(recipe))
    if frozen.exists() and frozen.read_text(encoding="utf-8") != text:
        raise RecipeError(f"{folder} holds a run of another recipe or other settings; choose a new --run-dir")
    frozen.write_text(text, encoding="utf-8")


def _export(
    recipe: Recipe,
    run: Run,
    task: Task,
    encoder: Network | None,
    training: Photographs,
    held_out: Photographs,
    steps: int,
    seconds: float,
) -> ModelCard:
    figures: dict[str, Any] = {
        "recipe": recipe.name,
        "steps": steps,
        "batch": recipe.batch,
        "images": len(training),
        "validation_images": len(held_out),
        "minutes": round(seconds / 60, 1),
        "torch": torch.__version__,
        "figures": {name: round(value, 4) for name, value in task.evaluate(held_out).items()},
    }
    module, pack = task.exported(training), run.pack or run.folder / "pack"
    if isinstance(task, DenoiserTask):
        return export.denoiser(task.prior.card, module, task.parameters, figures, pack)
    if encoder is None:
        return export.classifier(recipe, module, training.names, figures, run.licence, pack)
    return export.generator(recipe, module, encoder, held_out, figures, run.licence, pack)


def _append(log: Path, record: dict[str, Any]) -> None:
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({name: round(value, 5) if isinstance(value, float) else value for name, value in record.items()}) + "\n")


def _forget_after(log: Path, step: int) -> None:
    """Drop log lines written after the checkpoint: those steps are about to run again."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    kept = [line for line in lines if json.loads(line)["step"] < step]
    log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
