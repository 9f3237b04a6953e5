"""Rows: the state of B independent syntheses, as tensors with the batch first. A row never reads another row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from dgnam_server.synth.spec import Readout

State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Rows:
    """B rows with up to T terms each. A row with fewer terms is filled up with copies of its first at weight 0."""

    code: Tensor  # (B, D) float32, what is optimized; the prior says what it means
    seed: Tensor  # (B,) int64, what a row's random numbers come from
    step: Tensor  # (B,) int64, steps done
    steps: Tensor  # (B,) int64, steps to do
    settings: Mapping[str, Tensor]  # (B,) float32 each: the method's options by name
    state: State  # (B, ...) each: what update rules and parts remember between steps
    source: Tensor  # (B, T) int64, which of the problem's sources a term is read from
    unit: Tensor  # (B, T) int64
    y: Tensor  # (B, T) int64, position in the map; -1: the mean over the map
    x: Tensor  # (B, T) int64
    readout: Tensor  # (B, T) int64, the place of the term's readout in READOUTS
    vector: Tensor  # (B, T, L) float32, of terms that read a whole tap; L = 0 where there are none, zeros beyond a term's own length
    weight: Tensor  # (B, T) float32
    real: Tensor  # (B, T) bool, False where a term only fills up
    silent: Tensor  # (B, T) bool, the terms, of several, that had no gradient of their own at the start
    history: Tensor  # (B, S, T) float32, activations at each step, S >= steps
    stopped: Tensor  # (B,) int64, steps done when the gradient was found zero, or the activation not finite; -1: never
    pulled: Tensor  # (B,) int64, steps at which the target's own gradient, not a redirected one, was finite and not zero
    broken: Tensor  # (B,) int64, steps at which the gradient was not finite

    def __len__(self) -> int:
        return len(self.code)

    def reads(self, readout: Readout) -> Tensor:
        """Which terms read this, (B, T) bool."""
        return self.readout == READOUTS.index(readout)

    def now(self, name: str) -> Tensor:
        """An option's value at this step, (B,): linear from `name` to its `end_...` where the method has one, else constant.

        `start_x` and `x` both end at `end_x`; the end itself is never reached, as in the released script of Nguyen et al. 2016.
        """
        start, end = self.settings[name], self.settings.get("end_" + name.removeprefix("start_"))
        return start if end is None else start + (end - start) * self.step / self.steps

    def of_terms(self, columns: Tensor) -> Self:
        """The rows with only the terms in these columns (T',)."""
        return replace(self, **{name: getattr(self, name)[:, columns] for name in (*TERM_FIELDS, "vector")})

    def select(self, index: Sequence[int] | Tensor) -> Self:
        """The rows at `index` (B',), in that order."""
        at = torch.as_tensor(index, dtype=torch.int64, device=self.code.device)
        return type(self)(**{field.name: _each(lambda tensor: tensor[at], getattr(self, field.name)) for field in fields(self)})


READOUTS = tuple(Readout)
TERM_FIELDS = ("source", "unit", "y", "x", "readout", "weight", "real", "silent")


def concat(parts: Sequence[Rows]) -> Rows:
    """All rows of `parts` in order, filled up to the largest number of terms, the longest history and the longest vector."""
    terms = max(part.unit.shape[1] for part in parts)
    span = max(part.history.shape[1] for part in parts)
    length = max(part.vector.shape[2] for part in parts)
    filled = [_filled(part, terms, span, length) for part in parts]
    return Rows(**{field.name: _each(_cat, *(getattr(part, field.name) for part in filled)) for field in fields(Rows)})


def _cat(*tensors: Tensor) -> Tensor:
    return torch.cat(tensors)


def _each(function: Callable[..., Tensor], *values: Any) -> Any:
    """`function` of tensors, or of each entry of mappings of tensors, which must have the same names."""
    if isinstance(values[0], Tensor):
        return function(*values)
    return {name: function(*(value[name] for value in values)) for name in values[0]}


def _filled(part: Rows, terms: int, span: int, length: int) -> Rows:
    missing = terms - part.unit.shape[1]
    values = {field.name: getattr(part, field.name) for field in fields(Rows)}
    if missing:
        for name in TERM_FIELDS:
            first = values[name][:, :1]
            filler = torch.zeros_like(first) if name in ("weight", "real", "silent") else first
            values[name] = torch.cat([values[name], filler.expand(-1, missing)], dim=1)
    values["vector"] = _grown(part.vector, (terms, length))
    values["history"] = _grown(part.history, (span, terms))
    return Rows(**values)


def _grown(value: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, N, M) -> (B, *size), filled up with zeros. PyTorch 2.7 cannot pad what has nothing along another axis."""
    if value.shape[1:] == size:
        return value
    grown = value.new_zeros(len(value), *size)
    grown[:, : value.shape[1], : value.shape[2]] = value
    return grown
