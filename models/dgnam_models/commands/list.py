"""List every model: name, role, height x width of its pictures in pixels, description.

    dgnam-models list
    dgnam-models list --models mine theirs

Of models of the same name, the one of the last pack counts.
"""

import argparse

import dgnam_models
from dgnam_models import packages
from dgnam_models.card import ModelCard, NotInstalled
from dgnam_models.commands import arguments


def declare(parser: argparse.ArgumentParser) -> None:
    arguments.packs(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    cards = dgnam_models.cards(options.models)
    longest = max(map(len, cards))
    for name, card in sorted(cards.items()):
        height, width = card.preprocessing.size
        print(f"{name:{longest}}  {card.role:10}  {height} x {width}  {card.description}{_missing(card)}")
    return 0


def _missing(card: ModelCard) -> str:
    """How to get the package that holds the model's weights, where it is not installed."""
    if not card.package:
        return ""
    try:
        packages.find(card)
    except NotInstalled as error:
        return f" (not installed; {str(error).rpartition('not installed: ')[2]})"
    return ""
