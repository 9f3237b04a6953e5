"""Architectures, one per file; `build(name, parameters)` makes an untrained one."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dgnam_models.nets._blocks import fold_, unfold_

_INITIALIZERS = {nn.init.kaiming_uniform_, nn.init.uniform_, Tensor.uniform_, Tensor.normal_, Tensor.fill_, Tensor.zero_}
__all__ = ["build", "fold_", "names", "outline", "unfold_"]


def names() -> list[str]:
    """The architectures in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def build(name: str, parameters: Mapping[str, Any]) -> nn.Module:
    """Return the architecture `name` built with `parameters` (the keyword arguments of its file's `build`).

    Raises:
        ValueError: no architecture has this name.
    """
    if name not in names():
        raise ValueError(f"unknown architecture {name!r}; there are {', '.join(names())}")
    module: nn.Module = import_module(f"{__name__}.{name}").build(**parameters)
    return module


class _Unset(TorchFunctionMode):
    """Start values are left out: without memory, PyTorch finds out by Python code that there is nothing to be done."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in _INITIALIZERS and (tensor := args[0] if args else kwargs["tensor"]).is_meta:
            return tensor
        return function(*args, **kwargs)


def outline(name: str, parameters: Mapping[str, Any]) -> nn.Module:
    """Return `build(name, parameters)` to be filled with weights: without memory or start values, where the architecture allows it."""
    try:
        with torch.device("meta"), _Unset():
            return build(name, parameters)
    except NotImplementedError:  # it computes with tensors while it is built, as torchvision's RegNets do
        return build(name, parameters)
