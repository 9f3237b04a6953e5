"""safetensors: a header and raw numbers, so that loading a file cannot run code. Our own models are float16 in it."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from dgnam_models import loaders, nets
from dgnam_models.card import CardError, ModelCard


def load(card: ModelCard, path: Path) -> nn.Module:
    """Build the card's architecture and fill it from `path`; every tensor must be there and fit."""
    try:
        module = nets.outline(card.architecture, card.parameters)
        loaders.fill(module, load_file(path))
    except (ImportError, TypeError, ValueError) as error:
        raise CardError(f"{card.name}: {card.architecture} cannot be built: {error}") from error
    except (SafetensorError, RuntimeError) as error:
        raise CardError(f"{card.name}: {path.name} does not fit {card.architecture}: {error}") from error
    return module
