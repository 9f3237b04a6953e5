"""Somebody's module -> a copy that can be read: bare of wrappers, in evaluation mode, in float32, on the CPU."""

import copy
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models.card import CardError

# What wraps a whole network, and by which name it keeps it.
_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
_PLAIN = (str, bytes, int, float, bool, type(None), torch.dtype, torch.device)


def readable(module: nn.Module, name: str) -> nn.Module:
    """A copy of `module`; what cannot be copied, such as a lock, is shared with it.

    Raises:
        CardError: it is no module, or one that can be neither tapped nor differentiated.
    """
    if not isinstance(module, nn.Module):
        given = type(module).__name__
        raise CardError(f"{name}: what was given is of type {given}, no torch.nn.Module; load a state-dict into its module first")
    bare = _unwrapped(module)
    if quantized := [part for part, layer in bare.named_modules() if "quantized" in type(layer).__module__]:
        raise CardError(
            f"{name} has quantized layers, which give no gradients ({_few(quantized)}): give it as it was before it was quantized"
        )
    if isinstance(bare, torch.jit.ScriptModule):
        raise CardError(f"{name} is compiled to TorchScript, whose layers cannot be read: give the module it was made of, or its ONNX file")
    memo: dict[int, Any] = {}
    for part in bare.modules():
        for key, value in vars(part).items():
            if key not in ("_parameters", "_modules", "_buffers"):
                _prepare(value, memo)
    copied = copy.deepcopy(bare, memo)
    for part in copied.modules():
        for child, layer in part.named_children():
            setattr(part, child, _unwrapped(layer))
    return copied.cpu().float().eval()


def _unwrapped(module: nn.Module) -> nn.Module:
    while (inside := _WRAPPERS.get(type(module).__name__)) and isinstance(held := getattr(module, inside, None), nn.Module):
        module = held
    return module


def _prepare(value: Any, memo: dict[int, Any]) -> None:
    """Note in `memo` what stands for the parts of `value` that `copy.deepcopy` refuses.

    Those are tensors that were computed, as hook-style weight normalization keeps them, and whatever belongs to the process.
    """
    if id(value) in memo or isinstance(value, (*_PLAIN, nn.Module)):
        return
    if isinstance(value, Tensor):
        if not value.is_leaf:
            memo[id(value)] = value.detach().clone()
    elif isinstance(value, dict):
        for held in value.values():
            _prepare(held, memo)
    elif isinstance(value, list | tuple | set):
        for held in value:
            _prepare(held, memo)
    else:
        try:
            copy.deepcopy(value, dict(memo))
        except Exception:  # each kind of object refuses in its own way
            memo[id(value)] = value


def _few(names: Collection[str]) -> str:
    return ", ".join(list(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
