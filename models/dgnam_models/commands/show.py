"""Show one model's card: preprocessing, taps with their shapes, labels, licence, digest.

    dgnam-models show alexnet64
    dgnam-models show birds --models mine

A unit's address is model:tap:unit, the unit a label or an index: alexnet64:fc8:lemon.
"""

import argparse
from collections.abc import Sequence

import dgnam_models
from dgnam_models.commands import arguments

FITS = {"crop": "cropped", "resize": "resized"}


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a model's name, as `dgnam-models list` has it")
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    card = arguments.known(options.name, dgnam_models.cards(options.models))
    form = card.preprocessing
    print(f"{card.name}: {card.description}")
    print(f"role           {card.role}, architecture {card.architecture}")
    height, width = form.size
    print(f"picture        {height} x {width}, {form.channels}, of 0 to 1: mean {_numbers(form.mean)}, range {_numbers(form.std)}")
    if card.code is not None:
        whose = f", those of {card.code.encoder}:{card.code.tap}" if card.code.encoder else ""
        print(f"code           {card.code.units} units{whose}; its pictures are {FITS[card.fit]} for a network of another size")
    if card.labels:
        print(f"labels         {len(card.labels)}, on {card.output_tap}: {', '.join(card.labels[:4])}, ...")
    print(f"weights        {card.file}, {card.format}, SHA-256 {card.sha256}")
    print(f"licence        {card.licence}")
    if card.forward_only:
        print(f"no gradients   {card.forward_only}")
    for key, value in card.training.items():
        print(f"{key:14} {value}")
    for tap in card.taps:
        print(f"tap            {tap.name}  {' x '.join(map(str, tap.shape))}")
    return 0


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
