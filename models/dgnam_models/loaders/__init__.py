"""Weight formats, one per file; the file's name is a card's `format`. Nothing is ever unpickled."""

from importlib import import_module
from pathlib import Path

from torch import nn

from dgnam_models.card import CardError, ModelCard


def names() -> list[str]:
    """The formats in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def load(card: ModelCard, path: Path) -> nn.Module:
    """Return the card's network with the weights of `path`, in float32 on the CPU, in evaluation mode.

    Raises:
        CardError: the format is unknown, or the weights do not fit the architecture.
    """
    if card.format not in names():
        raise CardError(f"{card.name}: unknown format {card.format!r}; there are {', '.join(names())}")
    module: nn.Module = import_module(f"{__name__}.{card.format}").load(card, path)
    return module.eval()
