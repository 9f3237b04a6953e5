"""State-dicts: names and tensors, from files that other programs wrote."""

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dgnam_models.card import CardError


def read_state(path: Path) -> dict[str, Tensor]:
    """A state-dict from a safetensors file, or from a torch file by the reader that accepts tensors and plain values only.

    Raises:
        CardError: it is neither, or holds code.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CardError(
            f"{path} holds more than tensors, and reading that would run its code. Save the weights alone, where you trust the file: "
            "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
        ) from error
    except (OSError, SafetensorError, RuntimeError, EOFError) as error:
        raise CardError(f"{path} cannot be read: {error}") from error
    for key in ("state_dict", "model"):  # where training scripts put it
        if isinstance(held, dict) and isinstance(held.get(key), dict):
            held = held[key]
    if not isinstance(held, dict) or not held or not all(isinstance(value, Tensor) for value in held.values()):
        raise CardError(f"{path} is not a state-dict: names and tensors")
    if all(key.startswith("module.") for key in held):  # DataParallel's prefix
        return {key.removeprefix("module."): value for key, value in held.items()}
    return held
