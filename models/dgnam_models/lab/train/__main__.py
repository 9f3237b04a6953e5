"""Train one of the bundled recipes, or your own.

    python -m dgnam_models.lab.train alexnet64 --data photographs/ --run-dir runs/alexnet64
    python -m dgnam_models.lab.train upconv64-fc6 --data photographs/ --run-dir runs/prior --models runs/alexnet64/pack
    python -m dgnam_models.lab.train evaluate --help                     (measure what a prior's pictures are worth)

DATA is a folder of class folders, or zips of that layout. The run folder collects the frozen recipe, a log (log.jsonl), a checkpoint, a
picture grid per checkpoint and finally pack/, which the server serves with --models. The same command continues a run that was stopped.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from dgnam_models import CardError
from dgnam_models.lab.train import config, data, export, loop


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["evaluate"]:
        return _evaluate(arguments[1:])
    parser = argparse.ArgumentParser(
        "python -m dgnam_models.lab.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", help=f"a bundled recipe ({', '.join(config.bundled())}) or a TOML file")
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE", help="change settings of the recipe: steps=500 name=birds")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="photographs to train on: folders of class folders, or zips")
    parser.add_argument("--val", nargs="+", type=Path, default=[], help="photographs held out (default: one in twenty of --data)")
    parser.add_argument("--run-dir", type=Path, required=True, help="where the run lives; give it again to continue")
    parser.add_argument("--models", nargs="+", type=Path, default=[], help="packs in which a generator's encoder is looked up first")
    parser.add_argument("--start-from", type=Path, metavar="RUN", help="begin with the weights of another run's folder, where they fit")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--threads", type=int, help="processor threads (default: torch's choice)")
    parser.add_argument("--compile", action="store_true", help="compile the networks first: a minute's wait, then about a quarter faster")
    parser.add_argument("--dry-run", action="store_true", help="two steps on a few images, nothing written: does it all fit together?")
    parser.add_argument("--export-only", action="store_true", help="export what the checkpoint holds now, and train no further")
    parser.add_argument("--licence", default=export.LICENCE, help="the licence note of the exported card")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    run = loop.Run(
        folder=options.run_dir,
        sources=options.data,
        held_out=options.val,
        start_from=options.start_from,
        packs=options.models,
        device=torch.device(options.device),
        compiled=options.compile,
        export_only=options.export_only,
        licence=options.licence,
    )
    try:
        train = loop.dry_run if options.dry_run else loop.train_all
        cards = train(config.read(options.recipe, options.set), run)
    except (config.RecipeError, data.DataError, CardError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for card in cards:
        print(json.dumps({"name": card.name, "dry_run": options.dry_run, **card.training}))
    if not options.dry_run:
        print(f"exported to {options.run_dir / 'pack'}: serve it with dgnam-server --models {options.run_dir / 'pack'}")
    return 0


def _evaluate(arguments: list[str]) -> int:
    """Training needs neither client nor server, so the study of what came of it is imported only here."""
    try:
        from dgnam_models.lab.evaluate import evaluate
    except ModuleNotFoundError as error:
        if error.name != "dgnam_client":
            raise
        print("error: evaluating asks a server through dgnam-client: pip install dgnam-models[study]", file=sys.stderr)
        return 2
    return evaluate.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
