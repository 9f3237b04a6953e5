"""Arguments that several commands share, and how their values are read."""

import argparse
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgnam_models.card import ModelCard
from dgnam_models.errors import UsageError

if TYPE_CHECKING:
    import torch


def packs(parser: argparse.ArgumentParser) -> None:
    """--models: further packs."""
    parser.add_argument("--models", nargs="+", type=Path, default=[], metavar="PACK", help="packs to read beside the bundled one")


def photographs(parser: argparse.ArgumentParser, what: str) -> None:
    """--data: photographs, at least one folder or zip."""
    text = f"{what}: folders of class folders, or zips of that layout"
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="PATH", help=text)


def device(parser: argparse.ArgumentParser) -> None:
    """--device: cpu or cuda."""
    parser.add_argument("--device", help="where to compute: cpu, cuda, cuda:1 (default: cuda if there is a GPU, else cpu)")


def chosen_device(options: argparse.Namespace) -> "torch.device":
    """What --device says, or the default.

    Raises:
        UsageError: PyTorch cannot compute there.
    """
    import torch

    name = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter from a build of PyTorch without CUDA
        raise UsageError(f"--device: PyTorch cannot compute on {name!r} here; leave it out to use what there is") from error


def parameter(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as TOML writes it."""
    key, _, value = text.partition("=")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE with a number, true, false or a 'text'") from error


def known(name: str, cards: Mapping[str, ModelCard]) -> ModelCard:
    """The card `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in cards:
        raise UsageError(f"unknown model {name!r}; there are {', '.join(sorted(cards))}. --models PACK reads a pack of yours")
    return cards[name]


def check_classifier(card: ModelCard) -> None:
    """Only classifiers look at pictures.

    Raises:
        UsageError: the card is not a classifier's.
    """
    if card.role != "classifier":
        raise UsageError(f"{card.name} is a prior, which draws pictures and looks at none: name a classifier")


def need_client(command: str) -> None:
    """Only `evaluate` and `paper` ask a server for pictures, so only they need its client.

    Raises:
        UsageError: it is not installed.
    """
    if find_spec("dgnam_client") is None:
        raise UsageError(f'{command} asks a server through dgnam-client: pip install "dgnam-models[evaluate]"')
