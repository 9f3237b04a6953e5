"""Linear maps and the batch normalization that follows them, found in any module by running it, and folded."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dgnam_models.card import addressable
from dgnam_models.nets._folding import Affine, Fold, Linear, fold, of_norm

_ROUNDING = 1e-3  # relative, of the whole output: float32 in a deep network
# What is asked of a tensor without reading its values.
_ASKS = {Tensor.dim, Tensor.size, *(getattr(Tensor, name).__get__ for name in ("shape", "dtype", "device", "ndim", "requires_grad"))}


@dataclass(frozen=True, eq=False)
class _Sequence:
    """A linear map and the normalization that alone reads its output, by their names; `between` are the taps with that output."""

    layer: Linear
    norm: nn.Module
    affine: Affine
    names: tuple[str, str]
    between: frozenset[str]


@torch.no_grad()
def folded(module: nn.Module, x: Tensor) -> list[Fold]:
    """Fold, in place, where map and normalization are called once and nothing else reads what is between them.

    Where these are is found by running `module` on `x`, (B, C, H, W). It stays as it was where it would then give other numbers, or none,
    as one that reads its layers' weights.
    """
    if all(of_norm(part) is None for part in module.modules()):
        return []
    try:
        found, given = _sequences(module, x)
    except Exception:  # the module's own code may raise anything; what it is run on next tells what is wrong with it
        return []
    folds = [fold(one.layer, [(one.norm, one.affine)], one.between) for one in found]
    for one, done in zip(found, folds, strict=True):
        _put(module, one.names, done.parts)
    try:
        same = _close(module(x), given)
    except Exception:
        same = False
    if same:
        return folds
    for one in found:
        _put(module, one.names, (one.layer, one.norm))
    return []


def _sequences(module: nn.Module, x: Tensor) -> tuple[list[_Sequence], Any]:
    """All there are when it runs on `x`, and what it gives."""
    names = {id(part): name for name, part in module.named_modules()}
    calls: Counter[int] = Counter()
    outputs: dict[int, tuple[Tensor, Linear]] = {}  # by the tensor's id; the tensor is kept, so that no other gets its id
    taps: dict[int, set[str]] = {}
    norms: list[tuple[nn.Module, Affine, int]] = []
    readers = _Readers()

    def entered(part: nn.Module, inputs: Any) -> None:
        calls[id(part)] += 1
        if inputs and id(inputs[0]) in outputs and (affine := of_norm(part)) is not None:
            norms.append((part, affine, id(inputs[0])))

    def left(part: nn.Module, _inputs: Any, output: Any) -> None:
        if type(part) in (nn.Conv2d, nn.ConvTranspose2d, nn.Linear):
            outputs[id(output)] = output, part  # type: ignore[assignment]
            readers.calls[id(output)] = 0  # tensors that are gone may have had this id
        if id(output) in outputs:
            taps.setdefault(id(output), set()).add(addressable(names[id(part)]))

    handles = [part.register_forward_pre_hook(entered) for part in module.modules()]
    handles += [part.register_forward_hook(left) for part in module.modules()]
    try:
        with readers:
            given = module(x)
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for norm, affine, key in norms:
        _, layer = outputs[key]
        if readers.calls[key] == calls[id(layer)] == calls[id(norm)] == 1 and "" not in taps[key]:  # the network's own name is empty
            found.append(_Sequence(layer, norm, affine, (names[id(layer)], names[id(norm)]), frozenset(taps[key])))
    return found, given


class _Readers(TorchFunctionMode):
    """Counts the functions that are given a tensor, by the tensor's id."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[int] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in _ASKS:
            self.calls.update({id(value) for value in _tensors((args, kwargs or {}))})
        return func(*args, **(kwargs or {}))


def _tensors(held: Any) -> Iterator[Tensor]:
    if isinstance(held, Tensor):
        yield held
    elif isinstance(held, dict):
        yield from _tensors(list(held.values()))
    elif isinstance(held, tuple | list):
        for part in held:
            yield from _tensors(part)


def _put(module: nn.Module, names: tuple[str, ...], parts: tuple[nn.Module, ...]) -> None:
    for name, part in zip(names, parts, strict=True):
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, part)


def _close(one: Any, other: Any) -> bool:
    """Whether all tensors of two outputs are alike but for rounding."""
    pairs = zip(_tensors(one), _tensors(other), strict=True)
    return all(a.shape == b.shape and bool((a - b).norm() <= _ROUNDING * b.norm()) for a, b in pairs)
