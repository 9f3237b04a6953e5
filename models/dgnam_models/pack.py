"""Packs on disk: writing a model so that no half of one is ever seen, and checking what is there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dgnam_models import loaders
from dgnam_models.card import CardError, ModelCard, sha256
from dgnam_models.loaders.safetensors import CODE
from dgnam_models.network import Generator, Network
from dgnam_models.pack_writer import replace_model

Weights = Mapping[str, Tensor] | Callable[[Path], None]


def write(pack: Path, card: ModelCard, weights: Weights, *, over: bool = False) -> ModelCard:
    """Add a model to the folder `pack`: both its files or neither.

    The mean and the deviation of a prior's codes go from the card into the weights.

    Args:
        card: its `file` and `sha256` are filled in.
        weights: what the safetensors file will hold; of another format, what writes the file.
        over: replace a model of this name.

    Raises:
        CardError: the name is taken, or cannot be a file's name.
    """
    if wrong := card.problems():
        raise CardError(f"{card.name}: " + "; ".join(wrong))
    path = pack / "cards" / f"{card.name}.toml"
    if path.exists() and not over:
        raise CardError(f"{path} is there already; choose another name, or replace it with --over")
    file = pack / "weights" / f"{card.name}.{card.format}"

    def fill(temporary: Path) -> ModelCard:
        if isinstance(weights, Mapping):
            held, tensors = _with_statistics(card, weights)
            save_file({key: value.contiguous() for key, value in tensors.items()}, temporary)
        else:
            held = card
            weights(temporary)
        return replace(held, file=file.name, sha256=sha256(temporary))

    written = replace_model(path, file, fill)
    for former in {file.with_name(f"{card.name}.{format}") for format in loaders.names()} - {file}:  # of the model that this replaces
        former.unlink(missing_ok=True)
    return written


def _with_statistics(card: ModelCard, weights: Mapping[str, Tensor]) -> tuple[ModelCard, Mapping[str, Tensor]]:
    if card.code is None or not card.code.mean:
        return card, weights
    held = {f"{CODE}mean": torch.tensor(card.code.mean), f"{CODE}std": torch.tensor(card.code.std)}
    return replace(card, code=replace(card.code, mean=(), std=())), {**weights, **held}


@torch.no_grad()
def problems(model: Network | Generator) -> list[str]:
    """What a loaded model does that its card does not say; it runs once, on grey."""
    if isinstance(model, Generator):
        image = model(model.code_mean[None])
        wrong = [] if tuple(image.shape[1:]) == (3, *model.image_size) else [f"draws {tuple(image.shape[1:])}, not 3 x {model.image_size}"]
        return wrong + ([] if image.isfinite().all() else ["draws values that are not finite"])
    found = model.activations(torch.full((1, 3, *model.input_size), 0.5), [tap.name for tap in model.card.taps])
    wrong = [
        f"{tap.name} has shape {tuple(found[tap.name].shape[1:])}, its card says {tap.shape}"
        for tap in model.card.taps
        if tuple(found[tap.name].shape[1:]) != tap.shape
    ]
    return wrong + [f"{name} has values that are not finite" for name, value in found.items() if not value.isfinite().all()]
