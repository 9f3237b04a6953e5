"""One training run in its folder: frozen recipe, checkpoints, log, picture grids, and at the end the exported pack.

Rules of this file: the run's only state is the task's and the step count. Everything random is a function of (seed, step), so the same
command continues a killed run and ends with the same weights as one never killed.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w
import torch
from tqdm import tqdm

from dgnam_models.card import ModelCard
from dgnam_models.errors import RecipeError
from dgnam_models.importers.projected import training_state
from dgnam_models.lab.train import checkpoint, log, tasks
from dgnam_models.lab.train.config import Recipe, settings
from dgnam_models.lab.train.export import Export
from dgnam_models.lab.train.run import Run
from dgnam_models.lab.train.tasks import Task


@dataclass(frozen=True)
class Session:
    """A run put together."""

    recipe: Recipe
    run: Run
    task: Task[Any]
    training: Any  # photographs, as the task holds them
    held_out: Any


class Progress(NamedTuple):
    """How far a run is: steps done, and seconds spent on them, all sittings together."""

    steps: int
    seconds: float


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
        projected = recipe.projected and replace(recipe.projected, adversarial_from_step=0)
        return replace(recipe, steps=2, checkpoint_every=2, generator=generator, projected=projected)

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
    _check_folder(recipe, run.folder)
    training, held_out = tasks.photographs(recipe, run)
    session = Session(recipe, run, tasks.assemble(recipe, run, training), training, held_out)
    _freeze(recipe, run.folder)
    progress = _resume(session)
    if not run.export_only:
        progress = _learn(session, progress)
    if not progress.steps:
        raise RecipeError(f"{run.folder} has no checkpoint to export yet")
    return _export(session, recipe.name, progress)


def _resume(session: Session) -> Progress:
    """Take back what the checkpoint holds; without one, begin as the recipe and the run say."""
    run, task = session.run, session.task
    state = checkpoint.load(run.folder / "checkpoint.pt", run.device)
    if state is None:
        _fine_tune(session)
        _start_from(session)
        return Progress(0, 0.0)
    task.restore(state["task"])
    return Progress(state["step"], state["seconds"])


def _learn(session: Session, begun: Progress) -> Progress:
    """Train from where it stopped to the end."""
    recipe, run, task = session.recipe, session.run, session.task
    log.forget_after(run.folder, begun.steps)
    sat_down = time.monotonic()
    started, means = sat_down - begun.seconds, log.Means()
    bar = tqdm(range(begun.steps, recipe.steps), recipe.name, recipe.steps, initial=begun.steps, disable=not run.progress)
    for step in bar:
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout; with this, no random state needs saving
        means.add(task.step(session.training, step))
        if step % 20 == 0:  # reading a figure waits for the device
            read = means.read()
            bar.set_postfix({name: f"{value:.3f}" for name, value in read.items()})
            log.append(run.folder, {"step": step, **read})
        done, now = Progress(step + 1, time.monotonic() - started), time.monotonic()
        enough = run.minutes is not None and now - sat_down >= 60 * run.minutes
        if done.steps % recipe.checkpoint_every == 0 or done.steps == recipe.steps or enough:
            _checkpoint(session, done)
        if enough:
            return done
    return Progress(recipe.steps, time.monotonic() - started)


def _checkpoint(session: Session, progress: Progress) -> None:
    """Measure, draw, export if snapshots are wanted, and save."""
    folder, task, steps = session.run.folder, session.task, progress.steps
    log.append(folder, {"step": steps - 1, "seconds": round(progress.seconds, 1), **task.evaluate(session.held_out)})
    log.save_grid(task.grid(session.held_out), folder / f"grid-{steps:06d}.png")
    if session.run.snapshots:  # before the checkpoint: a run killed in between comes here again
        _export(session, f"{session.recipe.name}-{steps:06d}", progress)
    checkpoint.save(folder / "checkpoint.pt", {"task": task.state(), "step": steps, "seconds": progress.seconds})


def _fine_tune(session: Session) -> None:
    recipe, run = session.recipe, session.run
    if recipe.fine_tunes is not None:
        network = run.model(recipe.fine_tunes, "fine_tunes")
        session.task.fine_tune(network.module, session.training)


def _start_from(session: Session) -> None:
    source = session.run.start_from
    if source is None:
        return
    if source.is_file():
        state: dict[str, Any] = training_state(source)
    else:
        held = checkpoint.load(source / "checkpoint.pt", session.run.device)
        if held is None:
            raise RecipeError(f"{source} has no checkpoint to start from")
        state = held["task"]
    own = session.task.start_from(state)
    print(f"starting from the weights of {source}" + (f", but for {', '.join(own)}" if own else ""))


def _check_folder(recipe: Recipe, folder: Path) -> None:
    """Refuse a folder that holds another recipe's run, before hours go into it."""
    frozen = folder / "recipe.toml"
    if frozen.exists() and frozen.read_text(encoding="utf-8") != tomli_w.dumps(settings(recipe)):
        raise RecipeError(f"{folder} holds a run of another recipe or other settings; choose a new --run-dir")


def _freeze(recipe: Recipe, folder: Path) -> None:
    """Write the recipe into the run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(tomli_w.dumps(settings(recipe)), encoding="utf-8")


def _export(session: Session, name: str, progress: Progress) -> ModelCard:
    """Write the model `name` into the run's pack."""
    recipe, run, task = session.recipe, session.run, session.task
    history = {
        "recipe": name,
        "steps": progress.steps,
        "batch": recipe.batch,
        "images": len(session.training),
        "validation_images": len(session.held_out),
        "minutes": round(progress.seconds / 60, 1),
        "torch": torch.__version__,
        "figures": {figure: round(value, 4) for figure, value in task.evaluate(session.held_out).items()},
    }
    return task.export(session.training, session.held_out, Export(run.pack or run.folder / "pack", name, history, run.licence))
