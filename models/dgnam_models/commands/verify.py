"""Check models: the SHA-256 of the weights, a trial run against the card's shapes, and whether pictures can be drawn one by one.

    dgnam-models verify                      the bundled models
    dgnam-models verify mine                 every model of the pack in the folder mine
    dgnam-models verify mine birds fish      two of them
    dgnam-models verify alexnet64            one of the bundled ones

The exit status is 1 if a model has a fault.
"""

import argparse
from pathlib import Path

import dgnam_models
from dgnam_models.card import CardError, NotInstalled
from dgnam_models.errors import UsageError


def declare(parser: argparse.ArgumentParser) -> None:
    text = "packs' folders, if not the bundled pack is meant, and names of models in them (default: all)"
    parser.add_argument("what", nargs="*", metavar="PACK_OR_NAME", help=text)
    parser.add_argument("--models", nargs="+", type=Path, default=[], metavar="PACK", help="the same as naming a pack's folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    packs, names = asked(options.what, options.models)
    there = _names(packs)
    if unknown := [name for name in names if name not in there]:
        missing = f"no model of {' or '.join(map(str, packs))}" if packs else "neither a pack's folder nor a bundled model"
        raise UsageError(f"{', '.join(unknown)}: {missing}; there are {', '.join(there)}")
    faults = 0
    with tqdm(names or there, "verify", disable=None, leave=False) as bar:
        for name in bar:
            try:
                problems = faults_of(name, packs)
                told = "; ".join(problems) or "good"
            except NotInstalled as missing:  # no fault of the model's
                problems, told = [], str(missing).removeprefix(f"{name}: ")
            faults += bool(problems)
            with bar.external_write_mode():
                print(f"{name}: {told}", flush=True)
    return 1 if faults else 0


def asked(what: list[str], models: list[Path]) -> tuple[list[Path], list[str]]:
    """The packs, none for the bundled one, and the names that the arguments give, in any order; what looks like a path is a pack."""
    folders = [text for text in what if Path(text).is_dir() or set(text) & set("/\\")]
    return [*models, *map(Path, folders)], [text for text in what if text not in folders]


def faults_of(name: str, packs: list[Path]) -> list[str]:
    """What is wrong with a model, a line each.

    Raises:
        NotInstalled: the package with its weights is not there, so nothing can be said.
    """
    from dgnam_models import Network, gate
    from dgnam_models import pack as pack_

    try:
        model = dgnam_models.load(name, packs=packs)
        if isinstance(model, Network) and not dgnam_models.is_bundled(name, packs):
            gate.recheck(model)
        return pack_.problems(model)
    except NotInstalled:
        raise
    except CardError as error:
        return [str(error)]


def _names(packs: list[Path]) -> list[str]:
    """Those of the packs alone."""
    if not packs:
        return dgnam_models.names()
    dgnam_models.names(packs)  # which refuses what is not a pack
    return sorted({path.stem for pack in packs for path in (pack / "cards").glob("*.toml")})
