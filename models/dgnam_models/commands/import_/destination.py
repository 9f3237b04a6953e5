"""What all sources share: the pack that a model is added to, and what its card says."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgnam_models.card import ModelCard

if TYPE_CHECKING:
    from dgnam_models import pack


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that all sources share."""
    parser.add_argument("--into", type=Path, required=True, metavar="PACK", help="the folder to add it to; it is made if need be")
    parser.add_argument("--name", help="the model's name here (default: the source's)")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="names of the outputs, one per line")
    parser.add_argument("--licence", metavar="TEXT", help="a note for the card: what the weights may be used for")
    parser.add_argument("--over", action="store_true", help="replace a model of this name")


def size(options: argparse.Namespace) -> tuple[int, int] | None:
    """Height and width, of one number or two; None: not given."""
    return options.size and (options.size[0], options.size[-1])


def labels(options: argparse.Namespace) -> tuple[str, ...]:
    """The lines of --labels."""
    from dgnam_models.importers import read_labels

    return read_labels(options.labels) if options.labels else ()


def licence(options: argparse.Namespace) -> dict[str, Any]:
    """What --licence says, as an importer's argument."""
    return {} if options.licence is None else {"licence": options.licence}


def add(options: argparse.Namespace, card: ModelCard, weights: "pack.Weights") -> int:
    """Write the model into the pack and tell what it is."""
    from dgnam_models import pack

    card = pack.write(options.into, card, weights, over=options.over)
    what = f"{len(card.taps)} taps, output {card.output_tap}" if card.code is None else f"a code of {card.code.units} units"
    if card.forward_only:
        print(f"{card.name}: nothing can be drawn for it, because its gradients cannot be used: {card.forward_only}", file=sys.stderr)
    print(f"{card.name}: {card.role}, {what}. Serve it with: dgnam-server --models {options.into}")
    return 0
