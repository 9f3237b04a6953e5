"""Measure what the models' pictures are worth, beside real photographs.

    dgnam-models evaluate --val held-out/ --data photographs/
    dgnam-models evaluate --val held-out/ --models runs/prior/pack --prior upconv64-fc6 my-prior --pixels pyramid
    dgnam-models evaluate --judge efficientnet-lite2 --units @rare100 --seeds 1
    dgnam-models evaluate --target alexnet64 --judge inception64 resnet64 --val held-out/

The output units of the target network that --units names are drawn with every prior, and without any by the methods that
--pixels names. Networks that took no part in it judge the pictures. VAL and DATA are folders of class folders, or zips of that layout;
their classes are matched to the units by name. Without --val, only whether the judges recognize the pictures is measured; without --data,
not whether the pictures are memorized training images. The folder OUT gets quality.json (every figure, and what it was measured on) and
sheets to look at: units, seeds, nameless (its key is in quality.json: can you name the pictures?), reconstructions, memorization and, of
several priors or methods, side-by-side. Its folder `pictures` keeps what was drawn, so that a stopped command goes on where it was, and
another with the same options has nothing to draw. What networks make of DATA is kept in the user's cache folder.
"""

import argparse
from dataclasses import fields
from pathlib import Path

import dgnam_models.lab.evaluate
from dgnam_models.commands import arguments

TARGET = "efficientnet-lite0"
LISTS = Path(dgnam_models.lab.evaluate.__file__).parent / "units"


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--val", nargs="+", type=Path, default=[], metavar="VAL", help="held-out photographs, to compare the pictures with")
    add("--data", nargs="+", type=Path, default=[], metavar="DATA", help="the photographs trained on, to look for memorized ones")
    add("--val-limit", type=int, metavar="N", help="about N of VAL, evenly spread, which is faster (default: all)")
    add("--data-limit", type=int, metavar="N", help="about N of DATA, evenly spread; nearer ones may be missed (default: all)")
    add("--target", default=TARGET, metavar="NAME", help="the classifier whose output units are drawn (default: %(default)s)")
    add(
        "--prior",
        nargs="+",
        default=[],
        metavar="NAME",
        help="the priors to draw with, side by side (default: the server's for the target)",
    )
    add("--pixels", nargs="+", default=[], metavar="METHOD", help="methods to draw with in pixels, without a prior, beside the priors")
    judges = ["efficientnet-lite2", "resnet64"]
    add("--judge", nargs="+", default=judges, metavar="NAME", help=f"classifiers that judge (default: {' '.join(judges)})")
    named = "@objects100 and @rare100: a hundred each, often and hardly ever among the photographs of the bundled prior"
    units = f"output units to draw, by label or number; all; @FILE: one a line; {named} (default: @objects100 of {TARGET}, all of another)"
    add("--units", nargs="+", metavar="UNIT", help=units)
    add("--seeds", type=int, default=3, metavar="N", help="pictures of each unit (default: %(default)s)")
    add("--sheet", type=int, metavar="N", help="the pictures without names in sheets of N, to look at them closely (default: one sheet)")
    add("--method", help="how to draw with a prior (default: the server's default)")
    add("--steps", type=int, metavar="N", help="steps of a picture (default: the method's)")
    add("--bound-multiplier", type=float, metavar="X", help="how far code units may go (default: the method's)")
    add("--start-learning-rate", type=float, metavar="X", help="the first step's size (default: the prior's own)")
    further = "further options of the method, as `dgnam methods` lists them: start_draws=0"
    add("--set", nargs="+", default=[], metavar="OPTION=VALUE", dest="options", type=arguments.parameter, help=further)
    arguments.packs(parser)
    add("--server", metavar="ADDRESS", help="ask this server, which must have the same models (default: start one here)")
    arguments.device(parser)
    add("--out", type=Path, default=Path("out/quality"), metavar="FOLDER", help="where the results go (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    arguments.need_client("evaluate")
    from dgnam_models.lab.evaluate import report
    from dgnam_models.lab.evaluate.evaluate import evaluate
    from dgnam_models.lab.evaluate.settings import Settings

    words = options.units or (["@objects100"] if options.target == TARGET else ["all"])
    options.units = [] if words == ["all"] else [unit for word in words for unit in _listed(word)]
    asked = {field.name: getattr(options, field.name) for field in fields(Settings)} | {"options": dict(options.options)}
    found = evaluate(Settings(**asked | {"device": str(arguments.chosen_device(options))}))
    print(report.table(found))
    print(f"\nAll figures are in {options.out / 'quality.json'}. Look at the sheets beside it.")
    return 0


def _listed(word: str) -> list[str]:
    """A unit, or the units in the file that `@FILE` names, one of yours or of those that come with this package."""
    if not word.startswith("@"):
        return [word]
    path = Path(word[1:])
    if not path.exists() and (bundled := LISTS / f"{path}.txt").exists():
        path = bundled
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]
