"""Check models: the SHA-256 of the weights, then a trial run against the card's shapes.

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
    text = "a pack's folder first, if not the bundled pack is meant; then names of models in it (default: all)"
    parser.add_argument("what", nargs="*", metavar="PACK_OR_NAME", help=text)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    pack, names = asked(options.what)
    there = _names(pack)
    if unknown := [name for name in names if name not in there]:
        missing = "neither a pack's folder nor a bundled model" if pack is None else f"no model of {pack}"
        raise UsageError(f"{', '.join(unknown)}: {missing}; there are {', '.join(there)}")
    faults = 0
    with tqdm(names or there, "verify", disable=None, leave=False) as bar:
        for name in bar:
            try:
                problems = faults_of(name, pack)
                told = "; ".join(problems) or "good"
            except NotInstalled as missing:  # no fault of the model's
                problems, told = [], str(missing).removeprefix(f"{name}: ")
            faults += bool(problems)
            with bar.external_write_mode():
                print(f"{name}: {told}", flush=True)
    return 1 if faults else 0


def asked(what: list[str]) -> tuple[Path | None, list[str]]:
    """The pack, None for the bundled one, and the names that the arguments give."""
    if what and Path(what[0]).is_dir():
        return Path(what[0]), what[1:]
    return None, what


def faults_of(name: str, pack: Path | None) -> list[str]:
    """What is wrong with a model, a line each.

    Raises:
        NotInstalled: the package with its weights is not there, so nothing can be said.
    """
    from dgnam_models import pack as pack_

    try:
        return pack_.problems(dgnam_models.load(name, packs=[] if pack is None else [pack]))
    except NotInstalled:
        raise
    except CardError as error:
        return [str(error)]


def _names(pack: Path | None) -> list[str]:
    """Those of the pack alone."""
    if pack is None:
        return dgnam_models.names()
    dgnam_models.names([pack])  # which refuses what is not a pack
    return sorted(path.stem for path in (pack / "cards").glob("*.toml"))
