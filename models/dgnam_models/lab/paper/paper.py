"""Draw the published results with our networks: a sheet of pictures each, and its numbers.

    python -m dgnam_models.lab.paper.paper priors pairs
    python -m dgnam_models.lab.paper.paper --data photographs/ --val held-out/ --scenes-val scenes/

Without FIGURE, all of them. Some show classifiers that must be trained first: give --data once, and --run-dir keeps them, and the
patches that the patch prior needs, which are cut from --data or else --val. Sheets are written as NAME.png, numbers as NAME.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

import dgnam_models
from dgnam_models import CardError, patches
from dgnam_models.lab.evaluate.drawing import StudyError, connected
from dgnam_models.lab.paper import figures
from dgnam_models.lab.paper.study import Figure, Study
from dgnam_models.lab.train import config, data
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.loop import Run, train
from dgnam_models.lab.train.step import ClassifierTask


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    wanted, skipped = _wanted(options)
    if problems := _problems(options):
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    for name in skipped:
        print(f"{name} is left out: it shows classifiers that are not trained yet; give --data", file=sys.stderr)
    run = Run(options.run_dir, options.data, options.val, device=torch.device(options.device), snapshots=True)
    try:
        packs = [*options.models, *train_missing([config.read(recipe)[0] for name in wanted for recipe in figures.recipes(name)], run)]
        packs += patch_pack(options.data or options.val, options.run_dir)
        with connected(None, packs, options.device) as client:
            study = Study(client, packs, options.units, options.seed, options.val, options.scenes_val)
            for name in wanted:
                _write(figures.draw(name, study), name, options.out)
    except (config.RecipeError, data.DataError, CardError, StudyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_missing(recipes: Sequence[Recipe], run: Run) -> list[Path]:
    """Train those of `recipes` that have no pack yet, each in its own folder inside `run.folder`; all their packs.

    Raises:
        RecipeError, DataError: as `train`.
    """
    missing = [recipe for recipe in recipes if not _trained(recipe.name, run.folder)]
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


def _trained(recipe: str, runs: Path) -> bool:
    return (runs / recipe / "pack" / "cards" / f"{recipe}.toml").is_file()


def _seconds_per_step(recipe: Recipe, device: torch.device) -> float:
    """How long a step takes, tried on noise: the second one, since the first also prepares."""
    task = ClassifierTask(recipe, 200, device, compiled=False)
    pixels = torch.randint(0, 256, (recipe.batch, 3, recipe.image_size, recipe.image_size), dtype=torch.uint8)
    noise = data.Photographs(pixels, torch.zeros(recipe.batch, dtype=torch.int64), ("noise",))
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


def _wanted(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The figures to draw, and those that were not asked for by name and cannot be drawn without --data."""
    names = options.figures or figures.names()
    skipped = [name for name in names if not options.figures and not options.data and _untrained(name, options.run_dir)]
    return [name for name in names if name not in skipped], skipped


def _untrained(figure: str, runs: Path) -> bool:
    return not all(_trained(recipe, runs) for recipe in figures.recipes(figure))


def _problems(options: argparse.Namespace) -> list[str]:
    known = figures.names()
    problems = [f"no figure {name!r}; there are {', '.join(known)}" for name in options.figures if name not in known]
    for name in options.figures:
        if name in known and not options.data and _untrained(name, options.run_dir):
            problems.append(f"{name} shows classifiers that are not trained yet; give --data, photographs to train them on")
    for path in (*options.data, *options.val, *options.scenes_val):
        if not path.exists():
            problems.append(f"{path} does not exist")
    for pack in options.models:
        try:
            dgnam_models.cards([pack])
        except CardError as error:
            problems.append(str(error))
    if options.units < 1:
        problems.append(f"--units is {options.units}; it must be at least 1")
    if options.seed < 0:
        problems.append(f"--seed is {options.seed}; it must not be negative")
    return problems


def _parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:21}{figures.about(name)}" for name in figures.names())
    parser = argparse.ArgumentParser(
        "python -m dgnam_models.lab.paper.paper",
        description=__doc__,
        epilog=f"figures (sections are those of Nguyen et al. 2016, arXiv 1605.09304):\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="which of those below (default: all)")
    parser.add_argument(
        "--data", nargs="+", type=Path, default=[], help="photographs of the bundled classes to train on: folders of class folders, or zips"
    )
    parser.add_argument(
        "--val", nargs="+", type=Path, default=[], help="photographs held out, to measure on (default: one in twenty of --data)"
    )
    parser.add_argument(
        "--scenes-val", nargs="+", type=Path, default=[], help="photographs of the classes of alexnet64-scenes, to compare with"
    )
    parser.add_argument("--models", nargs="+", type=Path, default=[], help="packs of further models, such as priors of other layers")
    parser.add_argument(
        "--run-dir", type=Path, default=Path("runs/paper"), help="where trained classifiers are kept (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path("out/paper"), help="where sheets and numbers go (default: %(default)s)")
    parser.add_argument(
        "--units", type=int, default=20, help="classes drawn for each row, evenly spread over the list (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other pictures (default: %(default)s)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
