"""Export: a trained network becomes a pack the server can serve: float16 safetensors and a card."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models import codes, nets, pack
from dgnam_models.card import Code, ModelCard, Tap
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.step import preprocessing
from dgnam_models.nets._blocks import Staged
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs


@torch.no_grad()
def classifier(recipe: Recipe, module: nn.Module, names: tuple[str, ...], figures: dict[str, Any], licence: str, folder: Path) -> ModelCard:
    """Write a classifier's card and weights into the pack in `folder`."""
    parameters = {**recipe.parameters, "classes": len(names)}
    size = recipe.image_size
    assert isinstance(module, Staged)
    taps = module.cpu().activations(torch.zeros(1, 3, size, size), module.tap_names())
    return _write(
        folder,
        module,
        name=recipe.name,
        role="classifier",
        description=recipe.description,
        licence=licence,
        architecture=recipe.architecture,
        parameters=parameters,
        preprocessing=preprocessing(recipe),
        taps=tuple(Tap(name, tuple(value.shape[1:])) for name, value in taps.items()),
        labels=names,
        output_tap=module.tap_names()[-1],
        training=figures,
    )


def generator(
    recipe: Recipe, module: nn.Module, encoder: Network, held_out: Photographs, figures: dict[str, Any], licence: str, folder: Path
) -> ModelCard:
    """Write a generator's card and weights into the pack in `folder`, with the statistics of the codes of `held_out`."""
    settings = recipe.generator
    assert settings is not None
    held = codes.of_photographs(encoder, settings.tap, held_out)
    code = Code(settings.encoder, settings.tap, _rounded(held.mean(0)), _rounded(held.std(0)), settings.start_learning_rate)
    return _write(
        folder,
        module.cpu(),
        name=recipe.name,
        role="prior",
        description=recipe.description,
        licence=licence,
        architecture=recipe.architecture,
        parameters={**recipe.parameters, "code": held.shape[1]},
        preprocessing=preprocessing(recipe),
        code=code,
        training=figures,
    )


def denoiser(prior: ModelCard, module: nn.Module, parameters: dict[str, Any], figures: dict[str, Any], folder: Path) -> ModelCard:
    """Write the card and the weights of `prior` into the pack in `folder` once more, with a denoiser of its codes.

    Args:
        module: the prior's generator, with the denoiser.
        parameters: the denoiser's, besides the code's size.
    """
    fields = {field.name: getattr(prior, field.name) for field in dataclasses.fields(prior)}
    for name in ("format", "file", "sha256"):
        del fields[name]
    fields["parameters"] = {**prior.parameters, "denoiser": parameters}
    fields["training"] = {**prior.training, "denoiser": figures}
    return _write(folder, module.cpu(), **fields)


def _write(folder: Path, module: nn.Module, *, architecture: str, parameters: dict[str, Any], **fields: Any) -> ModelCard:
    """Add the model to the pack in `folder`, in place of one of the same name, such as this run's last export."""
    state = {key: value.to(torch.float16).contiguous() for key, value in module.state_dict().items()}
    assert all(value.isfinite().all() for value in state.values()), "a weight is beyond float16"
    nets.build(architecture, parameters).load_state_dict(state)  # the card must build what the file holds
    card = ModelCard(format="safetensors", file="", sha256="", architecture=architecture, parameters=parameters, **fields)
    return pack.write(folder, card, state, over=True)


def _rounded(values: Tensor) -> tuple[float, ...]:
    """Four significant digits: enough for a bound, and a card a person can read."""
    return tuple(0.0 if v == 0 else round(v, 3 - math.floor(math.log10(abs(v)))) for v in values.tolist())
