"""Taps in any network: every call of every submodule, by its dotted name."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from dgnam_models.card import addressable
from dgnam_models.nets._folding import Absorbed, Fold, Folded, apart
from dgnam_models.nets._sequences import folded

OUTPUT = "output"  # the whole network's own output, as a tap
HEADS = "heads"  # the heads of an attention module, side by side before they are projected


class Hooked(nn.Module):
    """Any network, read through forward hooks.

    A tap is the output of one call of a submodule: `layer1.0.relu` for the first call, `layer1.0.relu_1`, `layer1.0.relu_2` for
    further ones (the names that torchvision's feature extraction gives), and `output` for the network itself; characters that an
    address cannot hold are `_`. Of attention with H heads of d units each, `NAME.heads` are its heads before they are projected: unit
    h * d + i is unit i of head h. What is read is a copy, so a layer that overwrites its input (`inplace=True`, `x += y`) changes nothing
    read before it. Hooks exist only while a call of `activations` lasts.

    Args:
        features_last: taps whose values have their features in the last dimension, (B, H, W, C); they are read as (B, C, H, W).
        sequence_first: taps whose values are (N, B, C).
        tap_names: further names of taps, and which taps these are.
    """

    def __init__(
        self,
        module: nn.Module,
        features_last: Collection[str] = (),
        sequence_first: Collection[str] = (),
        tap_names: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.module = module
        self._tap_names = dict(tap_names)
        self._features_last, self._sequence_first = frozenset(features_last), frozenset(sequence_first)
        self._folds: list[Fold] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)

    @torch.no_grad()
    def fold_(self, x: Tensor) -> None:
        """Fold batch normalization into the maps before it; see `folded`."""
        self._folds += folded(self.module, x)

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """Run until the last of `taps` has been computed, and return a copy of each, (B, C) or (B, C, H, W).

        A sequence of N tokens (B, N, C) is read as a map of N positions, (B, C, N, 1). The network goes on with a copy of what was read,
        so that later taps have gradients by earlier ones.
        """
        own = {tap: self._tap_names.get(tap, tap) for tap in taps}
        wanted, found = set(own.values()), dict[str, Tensor]()

        def keep(tap: str, _part: nn.Module, value: Tensor) -> Tensor | None:
            last, first = tap in self._features_last, tap in self._sequence_first
            found[tap] = as_map(value.clone(), last, first)
            if len(found) == len(wanted):
                raise _Enough
            return from_map(found[tap], value.ndim, last, first).clone() if value.requires_grad else None

        try:
            with apart(self._folds, wanted), _listening(self.module, keep, wanted.__contains__):
                self.module(x)
        except _Enough:
            return {tap: found[name] for tap, name in own.items()}
        raise KeyError(f"no such tap: {sorted(wanted - set(found))}")


@dataclass(frozen=True)
class Survey:
    """A network's taps.

    Attributes:
        shapes: every tap's as it is read, without the batch, in the order they are computed.
        features_last, sequence_first: see `Hooked`.
        output: the first tap whose value is the network's output; empty where that is no tensor with a row per picture.
        returned: what the network gives, in words.
    """

    shapes: dict[str, tuple[int, ...]]
    features_last: list[str]
    sequence_first: list[str]
    output: str
    returned: str


@torch.no_grad()
def survey(module: nn.Module, x: Tensor) -> Survey:
    """Find a network's taps by running it twice, with all rows of `x` and with all but one: the dimension that changes is the batch's.

    Args:
        x: (B, C, H, W) with B of at least 3.
    """
    fewer: dict[str, tuple[int, ...]] = {}
    with _listening(module, lambda tap, _part, value: fewer.update({tap: tuple(value.shape)})):
        module(x[1:])
    shapes: dict[str, tuple[int, ...]] = {}
    last: list[str] = []
    first: list[str] = []
    features_last = False  # of the map that the innermost module before this one left
    latest: dict[str, Tensor] = {}

    def note(tap: str, part: nn.Module, value: Tensor) -> None:
        nonlocal features_last
        if next(part.children(), None) is None:
            features_last = _features_come_last(part, features_last)
        axis = _batch_axis(tuple(value.shape), fewer.get(tap, ()), len(x))
        if tap in shapes or axis is None or not value.is_floating_point() or not value.numel():
            return
        if value.ndim == 4 and features_last:
            last.append(tap)
        if axis == 1:
            first.append(tap)
        shapes[tap] = tuple(as_map(value, tap in last, axis == 1).shape[1:])
        latest[tap] = value.clone() if value.ndim <= 2 else value

    with _listening(module, note):
        given = module(x)
    outputs = [tap for tap, value in latest.items() if _same(value, latest.get(OUTPUT)) and tap != OUTPUT]
    if outputs:
        del shapes[OUTPUT]
    output = outputs[0] if outputs else OUTPUT if OUTPUT in shapes else ""
    return Survey(shapes, last, first, output, _described(given))


class _Enough(Exception):
    """All taps have been read."""


@contextmanager
def _listening(
    module: nn.Module, tell: Callable[[str, nn.Module, Tensor], Tensor | None], wanted: Callable[[str], bool] = lambda tap: True
) -> Iterator[None]:
    """While it lasts, `tell(tap, part, value)` hears the output of every call of every part of `module`, if `wanted`.

    What it returns, if anything, takes the place of the output, where that is a tensor or a tuple that begins with one.
    """
    calls: Counter[str] = Counter()
    names = {addressable(name) for name, _ in _named_parts(module)}

    def hear(name: str, part: nn.Module, value: object) -> Tensor | None:
        tap = f"{name}_{calls[name]}" if calls[name] else name
        calls[name] += 1
        if isinstance(value, Tensor) and (tap == name or tap not in names) and wanted(tap):
            return tell(tap, part, value)
        return None

    def hear_output(name: str, part: nn.Module, _inputs: Any, output: Any) -> Any:
        other = hear(name, part, _tensor_of(output))
        if other is None or isinstance(output, Tensor):
            return other
        return (other, *output[1:]) if type(output) is tuple else None

    def hear_input(name: str, part: nn.Module, _projection: nn.Module, inputs: Any) -> None:
        hear(name, part, inputs[0] if inputs else None)

    def hear_heads(name: str, part: nn.Module, inputs: Any, named: Any, _output: Any) -> None:
        hear(name, part, _heads(part, inputs, named) if wanted(name) or calls[name] else None)

    handles = []
    for name, part in _named_parts(module):
        tap = addressable(name) or OUTPUT
        if isinstance(part, nn.MultiheadAttention):
            handles.append(part.register_forward_hook(partial(hear_heads, f"{tap}.{HEADS}"), with_kwargs=True))
        elif isinstance(getattr(part, "num_heads", None), int) and _is_product(projection := _projection(part)):
            handles.append(projection.register_forward_pre_hook(partial(hear_input, f"{tap}.{HEADS}", part)))
        handles.append(part.register_forward_hook(partial(hear_output, tap)))
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # without gradients it would run whole blocks at once, past the hooks
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in handles:
            handle.remove()


def _named_parts(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules inside, without what was put there to fold them."""
    new = {id(child) for part in module.modules() if isinstance(part, Folded | Absorbed) for child in part.children()}
    return [(name, part) for name, part in module.named_modules() if id(part) not in new]


def as_map(value: Tensor, features_last: bool = False, sequence_first: bool = False) -> Tensor:
    """A value as a tap has it, (B, C) or (B, C, H, W): tokens as a map one position wide, one number per row as one unit."""
    if value.ndim == 1:
        return value[:, None]
    if value.ndim == 3:
        return (value.permute(1, 2, 0) if sequence_first else value.transpose(1, 2)).unsqueeze(3)
    return value.permute(0, 3, 1, 2) if value.ndim == 4 and features_last else value


def _tensor_of(output: Any) -> Any:
    """The tensor that a module's output is about: itself, a tuple's first, a mapping's `logits` or only one."""
    if isinstance(output, Mapping):
        tensors = [value for value in output.values() if isinstance(value, Tensor)]
        return output.get("logits", tensors[0] if len(tensors) == 1 else None)
    return output[0] if isinstance(output, tuple | list) and output else output


def _described(output: Any) -> str:
    if isinstance(output, Tensor):
        return f"a tensor of {str(output.dtype).removeprefix('torch.')} and the shape {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return "a dict with " + ", ".join(f"{key!r}: {_described(value)}" for key, value in output.items())
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of " + ", ".join(map(_described, output))
    return f"a {type(output).__name__}"


def _batch_axis(shape: tuple[int, ...], fewer: tuple[int, ...], rows: int) -> int | None:
    """Which dimension is the batch's: the first, or the second of a sequence (N, B, C); None: neither."""
    for axis in (0, 1) if len(shape) == 3 else (0,) if len(shape) in (1, 2, 4) else ():
        if shape[axis] == rows and fewer == (*shape[:axis], rows - 1, *shape[axis + 1 :]):
            return axis
    return None


def _projection(part: nn.Module) -> nn.Module | None:
    """What mixes an attention module's heads, as timm and others name it."""
    return next((child for name, child in part.named_children() if name in ("proj", "out_proj")), None)


def _is_product(part: nn.Module | None) -> TypeGuard[nn.Module]:
    """Is it a linear layer, or what stands for one where it was prepared (weight_layout.py)?"""
    return isinstance(part, nn.Linear) or getattr(part, "is_product", False)


def _heads(part: nn.Module, inputs: Any, named: Any) -> Tensor:
    """PyTorch's own attention mixes its heads without calling a module; mixed by the identity, they are what was mixed."""
    assert isinstance(part, nn.MultiheadAttention)
    own, size = part.out_proj, part.embed_dim
    plain = nn.modules.linear.NonDynamicallyQuantizableLinear(size, size, bias=own.bias is not None, device=own.weight.device)
    plain.to(own.weight.dtype).requires_grad_(False)
    nn.init.eye_(plain.weight)
    if plain.bias is not None:
        nn.init.zeros_(plain.bias)
    part.out_proj = plain
    try:
        value: Tensor = part.forward(*inputs, **named)[0]
        return value
    finally:
        part.out_proj = own


def from_map(value: Tensor, ndim: int, features_last: bool, sequence_first: bool) -> Tensor:
    """What `as_map` made of a value of so many dimensions, as it was."""
    if ndim == 1:
        return value[:, 0]
    if ndim == 3:
        return value.squeeze(3).permute(2, 0, 1) if sequence_first else value.squeeze(3).transpose(1, 2)
    return value.permute(0, 2, 3, 1) if ndim == 4 and features_last else value


def _features_come_last(part: nn.Module, before: bool) -> bool:
    """Whether the features of a map are in its last dimension after `part`, a module without modules of its own."""
    if type(part) in (nn.Linear, nn.LayerNorm):
        return True
    if (dims := getattr(part, "dims", None)) is not None and len(dims) == 4:  # torchvision's Permute
        return {(0, 2, 3, 1): True, (0, 3, 1, 2): False}.get(tuple(dims), before)
    if (
        isinstance(part, nn.modules.conv._ConvNd | nn.modules.batchnorm._BatchNorm | nn.LayerNorm)
        or type(part).__name__ == "WindowDepartition"
    ):
        return False
    return before


def _same(value: Tensor, output: Tensor | None) -> bool:
    return output is not None and value.shape == output.shape and torch.equal(value, output)
