"""safetensors: a header and raw numbers, so that loading a file cannot run code. Our own models are float16 in it.

A prior's file also holds what is known of its codes, in tensors whose names begin with `code.`
"""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from dgnam_models import loaders, nets
from dgnam_models.card import CardError, ModelCard

CODE = "code."


def load(card: ModelCard, path: Path) -> nn.Module:
    """Build the card's architecture and fill it from `path`; every tensor must be there and fit."""
    try:
        module = nets.outline(card.architecture, card.parameters)
        loaders.fill(module, weights(path))
    except (ImportError, TypeError, ValueError) as error:
        raise CardError(f"{card.name}: {card.architecture} cannot be built: {error}") from error
    except (SafetensorError, RuntimeError) as error:
        raise CardError(f"{card.name}: {path.name} does not fit {card.architecture}: {error}") from error
    return module


def weights(path: Path) -> dict[str, Tensor]:
    """The network's own tensors."""
    return {key: value for key, value in load_file(path).items() if not key.startswith(CODE)}


def statistics(path: Path) -> dict[str, Tensor]:
    """What is known of a prior's codes, in float32, by the names without the `code.`"""
    with safe_open(path, "pt") as opened:
        return {key.removeprefix(CODE): opened.get_tensor(key).float() for key in opened.keys() if key.startswith(CODE)}  # noqa: SIM118
