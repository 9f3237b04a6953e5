"""Export: a trained network becomes a model that the server can serve: float16 safetensors and a card."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models import codes, nets, pack
from dgnam_models.card import Code, ModelCard, Tap
from dgnam_models.lab.train.config import Recipe
from dgnam_models.loaders.safetensors import CODE
from dgnam_models.nets._blocks import Staged
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs


@dataclass(frozen=True)
class Export:
    """Where a model goes, and what its card says besides what its recipe does."""

    pack: Path
    name: str
    history: Mapping[str, Any]  # how it was trained, and the figures on held-out photographs
    licence: str


@torch.no_grad()
def classifier(recipe: Recipe, module: nn.Module, labels: tuple[str, ...], to: Export) -> ModelCard:
    """Write a classifier's card and weights."""
    size = recipe.image_size
    assert isinstance(module, Staged)
    taps = module.cpu().activations(torch.zeros(1, 3, size, size), module.tap_names())
    fields = {
        "role": "classifier",
        "parameters": {**recipe.parameters, "classes": len(labels)},
        "taps": tuple(Tap(name, tuple(value.shape[1:])) for name, value in taps.items()),
        "labels": labels,
        "output_tap": module.tap_names()[-1],
    }
    return _write(to.pack, module, {**_described(recipe, to), **fields})


def generator(recipe: Recipe, module: nn.Module, encoder: Network, held_out: Photographs, to: Export) -> ModelCard:
    """Write a generator's card and weights, with the statistics of the codes of `held_out`."""
    settings = recipe.generator
    assert settings is not None
    held = codes.of_photographs(encoder, settings.tap, held_out)
    fields = {
        "role": "prior",
        "parameters": {**recipe.parameters, "code": held.shape[1]},
        "code": Code(settings.encoder, settings.tap, _rounded(held.mean(0)), _rounded(held.std(0)), settings.start_learning_rate),
    }
    return _write(to.pack, module.cpu(), {**_described(recipe, to), **fields})


def projected(recipe: Recipe, module: nn.Module, statistics: Mapping[str, Tensor], signed: bool, to: Export) -> ModelCard:
    """Write a generator's card and weights, with the statistics of photographs' codes as `dgnam_models.statistics` gives them.

    Args:
        signed: units of the code may be negative.
    """
    own = recipe.projected
    assert own is not None
    units, seen = len(statistics["mean"]), (own.encoder_size, own.encoder_size)
    fields = {
        "role": "prior",
        "parameters": {**recipe.parameters, "code": units},
        "code": Code(own.encoder, own.tap, start_learning_rate=own.start_learning_rate, signed=signed, units=units, encoder_size=seen),
        "fit": "resize",
    }
    # Directions of unit length lose nothing in float16; a rare unit's deviation would.
    known = {f"{CODE}{key}": value.half() if key == "components" else value for key, value in statistics.items()}
    return _write(to.pack, module.cpu(), {**_described(recipe, to), **fields}, known)


def denoiser(prior: ModelCard, module: nn.Module, parameters: dict[str, Any], to: Export) -> ModelCard:
    """Write the card and the weights of `prior` once more, under its own name and licence, with a denoiser of its codes.

    Args:
        module: the prior's generator, with the denoiser.
        parameters: the denoiser's, besides the code's size.
    """
    fields = {field.name: getattr(prior, field.name) for field in dataclasses.fields(prior)}
    fields["parameters"] = {**prior.parameters, "denoiser": parameters}
    fields["training"] = {**prior.training, "denoiser": dict(to.history)}
    return _write(to.pack, module.cpu(), fields)


def _described(recipe: Recipe, to: Export) -> dict[str, Any]:
    """The fields of a card that every kind of training fills alike."""
    return {
        "name": to.name,
        "description": recipe.description,
        "licence": to.licence,
        "architecture": recipe.architecture,
        "preprocessing": recipe.preprocessing,
        "training": dict(to.history),
    }


def _write(folder: Path, module: nn.Module, fields: Mapping[str, Any], known: Mapping[str, Tensor] | None = None) -> ModelCard:
    """Add the model to the pack in `folder`, in place of one of the same name, such as this run's last export.

    Args:
        known: further tensors for the weight file, as they are.
    """
    state = {key: value.to(torch.float16).contiguous() for key, value in module.state_dict().items()}
    assert all(value.isfinite().all() for value in state.values()), "a weight is beyond float16"
    card = ModelCard(**{**fields, "format": "safetensors", "file": "", "sha256": ""})
    nets.build(card.architecture, card.parameters).load_state_dict(state)  # the card must build what the file holds
    return pack.write(folder, card, {**state, **(known or {})}, over=True)


def _rounded(values: Tensor) -> tuple[float, ...]:
    """Four significant digits: enough for a bound, and a card a person can read."""
    return tuple(0.0 if v == 0 else round(v, 3 - math.floor(math.log10(abs(v)))) for v in values.tolist())
