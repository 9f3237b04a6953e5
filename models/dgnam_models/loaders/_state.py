"""State-dicts: names and tensors, from files that other programs wrote."""

import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

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
            return _plain(load_file(path))
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CardError(
            f"{path} holds more than tensors, and reading that would run its code. Save the weights alone, where you trust the file: "
            "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
        ) from error
    except (OSError, SafetensorError, RuntimeError, EOFError) as error:
        raise CardError(f"{path} cannot be read: {error}") from error
    return _plain(_inside(held, path))


# Where training scripts put the weights, the likeliest first, and what wrappers put before or between the names.
_PLACES = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params", "module")
_PREFIXES = ("module.", "model.", "net.", "network.")
_WRAPPED = re.compile(r"(?:_orig_mod|_checkpoint_wrapped_module|_fsdp_wrapped_module)\.")


def _inside(held: Any, path: Path) -> dict[str, Tensor]:
    """The state-dict itself, however deep in what a training script saved; where there are several, the one of the likeliest name."""
    while not _is_state(held):
        if not isinstance(held, dict):
            raise CardError(f"{path} is not a state-dict, names and tensors, but a {type(held).__name__}")
        inner = {str(key): value for key, value in held.items() if isinstance(value, dict) and _holds_state(value)}
        known = [key for key in _PLACES if key in inner] or (list(inner) if len(inner) == 1 else [])
        if not known:
            keys = ", ".join(f"{key} ({type(value).__name__})" for key, value in list(held.items())[:12])
            raise CardError(
                f"{path} is not a state-dict: names and tensors. It holds {keys or 'nothing'}; save the network's state-dict alone"
            )
        held = inner[known[0]]
    state: dict[str, Tensor] = held
    return state


def _is_state(held: Any) -> bool:
    return isinstance(held, dict) and bool(held) and all(isinstance(value, Tensor) for value in held.values())


def _holds_state(held: dict[Any, Any]) -> bool:
    return _is_state(held) or any(isinstance(value, dict) and _holds_state(value) for value in held.values())


def _plain(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names as the network itself has them: without what DataParallel, torch.compile, Lightning and others put before them."""
    before = ""
    names = [_WRAPPED.sub("", key) for key in state]
    while prefix := next((prefix for prefix in _PREFIXES if all(name.startswith(before + prefix) for name in names)), ""):
        before += prefix
    plain = OrderedDict((_WRAPPED.sub("", key).removeprefix(before), value) for key, value in state.items())
    if (versions := getattr(state, "_metadata", None)) is not None:  # of the layers that wrote it
        plain._metadata = {_WRAPPED.sub("", f"{key}.").removeprefix(before).removesuffix("."): value for key, value in versions.items()}  # type: ignore[attr-defined]
    return plain
