"""Directions of a tap as units, such as the decoder rows of a sparse autoencoder.

    dgnam-models import directions sae.safetensors --network resnet18 --tap layer4 --models mine --into mine
    dgnam-models import directions probes.safetensors --tensor W --network alexnet64 --tap conv5 --name probes --into mine

They become a tap of the network under the file's name: resnet18:sae:17 is how far layer4 goes in direction 17. A row is a direction; the
columns of `decoder.weight` are turned into rows.
"""

import argparse
from pathlib import Path

import dgnam_models
from dgnam_models.commands import arguments


def declare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help=".safetensors, with a matrix (units, channels of the tap)")
    add("--network", required=True, metavar="MODEL", help="the network that they are directions of")
    add("--tap", required=True, metavar="TAP", help="where in it, as `dgnam-models show MODEL` has it")
    text = "which tensor of the file (default: W_dec, decoder.weight, or the only matrix)"
    add("--tensor", default="", metavar="NAME", help=text)
    add("--name", metavar="NAME", help="the tap's name (default: the file's)")
    add("--into", type=Path, required=True, metavar="PACK", help="the folder to add them to; it is made if need be")
    add("--over", action="store_true", help="replace directions of this name")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    own = [options.into] if options.into.is_dir() else []
    card = arguments.known(options.network, dgnam_models.cards([*options.models, *own]))
    from dgnam_models import directions

    name = options.name or options.file.stem
    tap = directions.write(options.file, options.into, card, options.tap, name, tensor=options.tensor, over=options.over)
    print(
        f"{card.name}:{tap.name}: {tap.shape[0]} directions of {card.name}:{options.tap}, addressed as {card.name}:{tap.name}:0. "
        f"Serve them with: dgnam-server --models {' '.join(map(str, [*options.models, options.into]))}"
    )
    return 0
