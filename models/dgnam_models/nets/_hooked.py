"""Taps in any network: every call of every submodule, by its dotted name."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

OUTPUT = "output"  # the whole network's own output, as a tap


class Hooked(nn.Module):
    """Any network, read through forward hooks.

    A tap is the output of one call of a submodule: `layer1.0.relu` for the first call, `layer1.0.relu_1`, `layer1.0.relu_2` for
    further ones (the names that torchvision's feature extraction gives), and `output` for the network itself. What is read is a copy,
    so a layer that overwrites its input (`inplace=True`, `x += y`) changes nothing read before it. Hooks exist only while a call of
    `activations` lasts.

    Args:
        features_last: taps whose values have their features in the last dimension, (B, H, W, C); they are read as (B, C, H, W).
    """

    def __init__(self, module: nn.Module, features_last: Collection[str] = ()) -> None:
        super().__init__()
        self.module = module
        self._features_last = frozenset(features_last)

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)

    def activations(self, x: Tensor, taps: Collection[str]) -> dict[str, Tensor]:
        """Run until the last of `taps` has been computed, and return a copy of each, (B, C) or (B, C, H, W).

        A sequence of N tokens (B, N, C) is read as a map of N positions, (B, C, N, 1).
        """
        wanted, found = set(taps), dict[str, Tensor]()

        def keep(tap: str, _part: nn.Module, value: Tensor) -> None:
            if tap in wanted:
                found[tap] = as_map(value.clone(), tap in self._features_last)
                if len(found) == len(wanted):
                    raise _Enough

        try:
            with _listening(self.module, keep):
                self.module(x)
        except _Enough:
            return found
        raise KeyError(f"no such tap: {sorted(wanted - set(found))}")


@torch.no_grad()
def survey(module: nn.Module, x: Tensor) -> tuple[dict[str, tuple[int, ...]], list[str], str]:
    """Find a network's taps by running it once.

    Args:
        x: (B, C, H, W) with B of at least 2, so that a value's batch dimension can be told.

    Returns:
        Every tap's shape as it is read, without the batch, in the order they are computed; the taps with their features last; and the
        output tap, the first tap whose value is the network's output.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    last: list[str] = []
    features_last = False  # of the map that the innermost module before this one left
    latest: dict[str, Tensor] = {}

    def note(tap: str, part: nn.Module, value: Tensor) -> None:
        nonlocal features_last
        if next(part.children(), None) is None:
            features_last = _features_come_last(part, features_last)
        if tap in shapes or value.ndim not in (2, 3, 4) or len(value) != len(x) or not value.is_floating_point():
            return
        if value.ndim == 4 and features_last:
            last.append(tap)
        shapes[tap] = tuple(as_map(value, tap in last).shape[1:])
        latest[tap] = value.clone() if value.ndim == 2 else value

    with _listening(module, note):
        module(x)
    outputs = [tap for tap, value in latest.items() if _same(value, latest.get(OUTPUT)) and tap != OUTPUT]
    if outputs:
        del shapes[OUTPUT]
    return shapes, last, outputs[0] if outputs else OUTPUT


class _Enough(Exception):
    """All taps have been read."""


@contextmanager
def _listening(module: nn.Module, tell: Callable[[str, nn.Module, Tensor], None]) -> Iterator[None]:
    """While it lasts, `tell(tap, part, value)` hears the output of every call of every part of `module`."""
    calls: Counter[str] = Counter()
    names = {name for name, _ in module.named_modules()}

    def hear(name: str, part: nn.Module, _inputs: Any, output: Any) -> None:
        value = output[0] if isinstance(output, tuple | list) and output else output
        tap = f"{name}_{calls[name]}" if calls[name] else name or OUTPUT
        calls[name] += 1
        if isinstance(value, Tensor) and (tap == name or tap not in names):
            tell(tap, part, value)

    handles = [part.register_forward_hook(partial(hear, name)) for name, part in module.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def as_map(value: Tensor, features_last: bool) -> Tensor:
    if value.ndim == 3:
        return value.transpose(1, 2).unsqueeze(3)
    return value.permute(0, 3, 1, 2) if features_last else value


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
