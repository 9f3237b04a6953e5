"""Train a model on photographs: a bundled recipe, or your own.

    dgnam-models train own64 --set name=mine --data photographs/ --run-dir runs/mine --dry-run
    dgnam-models train own64 --set name=mine --data photographs/ --run-dir runs/mine
    dgnam-models train upconv64-fc6 --data photographs/ --run-dir runs/prior --models runs/alexnet64/pack
    dgnam-models train upconv64-lite0 --data photographs/ --run-dir runs/prior --minutes 60

The run folder collects the frozen recipe, a log (log.txt, and log.jsonl with the same figures), a checkpoint, a picture grid per checkpoint
and finally pack/, which the server serves: dgnam-server --models runs/mine/pack. The same command continues a run that was stopped.

upconv64-lite0, upconv128-lite0 and own128-lite0 first store the photographs and their codes in the run folder, 30 KB or more each.
"""

import argparse
import json
from pathlib import Path

from dgnam_models.commands import arguments
from dgnam_models.lab.train import config


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("recipe", metavar="RECIPE", help=f"a TOML file, or one of {', '.join(config.bundled())}")
    add("--set", nargs="+", default=[], metavar="FIELD=VALUE", help="change settings of the recipe: steps=500 name=birds")
    arguments.photographs(parser, "photographs to train on")
    add("--val", nargs="+", type=Path, default=[], metavar="PATH", help="photographs held out (default: one in twenty of --data)")
    add("--run-dir", type=Path, required=True, metavar="FOLDER", help="where the run lives; give it again to continue")
    add("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs in which a generator's encoder is looked up first")
    add("--start-from", type=Path, metavar="PATH", help="begin with the weights of another run's folder, or of a file, where they fit")
    add("--minutes", type=float, metavar="M", help="stop and export after so many minutes; the same command continues")
    arguments.device(parser)
    add("--threads", type=int, metavar="N", help="processor threads (default: PyTorch's choice)")
    add("--compile", action="store_true", help="compile the networks first: a minute's wait, then about a quarter faster")
    add("--snapshots", action="store_true", help="keep the network at every checkpoint too, as a model NAME-STEP in the same pack")
    add("--dry-run", action="store_true", help="take two steps on a few images and write nothing: does it all fit together?")
    add("--export-only", action="store_true", help="export what the checkpoint holds now, and train no further")
    add("--licence", metavar="TEXT", default=config.LICENCE, help="the licence note of the exported card (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    recipes = config.read(options.recipe, options.set)
    import torch

    from dgnam_models.lab.train import loop
    from dgnam_models.lab.train.run import Run

    if options.threads:
        torch.set_num_threads(options.threads)
    asked = Run(
        folder=options.run_dir,
        sources=options.data,
        held_out=options.val,
        start_from=options.start_from,
        minutes=options.minutes,
        packs=options.models,
        device=arguments.chosen_device(options),
        compiled=options.compile,
        export_only=options.export_only,
        snapshots=options.snapshots,
        licence=options.licence,
    )
    for card in (loop.dry_run if options.dry_run else loop.train_all)(recipes, asked):
        print(json.dumps({"name": card.name, "dry_run": options.dry_run, **card.training}))
    if not options.dry_run:
        print(f"exported to {options.run_dir / 'pack'}: serve it with dgnam-server --models {options.run_dir / 'pack'}")
    return 0
