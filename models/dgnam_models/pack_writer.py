"""How a model's two files get into a pack, its weights and its card.

A stop at any moment leaves the model that was there, the new one, or none of that name; never a card beside weights that it does not
describe. Both files are written whole under temporary names in the folders where they belong, and are on the disk before anything is
replaced: first the old card goes, then the weights come, then the card.
"""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from dgnam_models.card import ModelCard, whole


def replace_model(card_path: Path, weights_path: Path, fill: Callable[[Path], ModelCard]) -> ModelCard:
    """Write a model, in place of what is at its two paths; the folders are made if need be.

    Args:
        fill: writes the weights to the path that it is given, and returns their card, which is written too.

    Raises:
        OSError: the disk is full, or the folders cannot be written to.
    """
    for folder in (card_path.parent, weights_path.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".new-", dir=card_path.parent) as beside:
        with whole(weights_path) as temporary:
            card = fill(temporary)
            new_card = Path(beside) / card_path.name
            card.write(new_card)
            flush(temporary)
            card_path.unlink(missing_ok=True)
            flush(card_path.parent)
        flush(weights_path.parent)
        new_card.replace(card_path)
    flush(card_path.parent)
    return card


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
