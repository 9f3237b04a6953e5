"""The curves of invariances as a picture. Importing this file needs Matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dgnam_proto.v1 import analysis_pb2
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from ._invariance import Invariance

# In the order of the contract's kinds of changes.
_AXES = ("moved down, pixels", "turned, degrees", "scaled, ratio")
_PANEL_INCHES, _DPI = (3.2, 2.3), 110


def drawn(found: Sequence[Invariance], kind: str) -> bytes:
    """A file: the pictures on top; below a row for each kind of change, with the distance in each layer, and the class's probability.

    Raises:
        ValueError: Matplotlib writes no files of this kind.
    """
    first = found[0]
    columns, rows = len(first.taps) + 1, len(first.curves)
    width, height = max(columns, 2) * _PANEL_INCHES[0], (rows + 0.75) * _PANEL_INCHES[1]
    figure = Figure(figsize=(width, height), layout="constrained")
    top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[0.75, rows])[:, 0]
    for axes, one, colour in zip(top.subplots(1, max(len(found), 2), squeeze=False)[0], _padded(found, 2), _colours(), strict=False):
        _picture(axes, one, colour)
    panels = below.subplots(rows, columns, squeeze=False)
    for row, change in zip(panels, first.curves, strict=True):
        for tap, axes in enumerate(row):
            _lines(axes, found, change, tap if tap < len(first.taps) else None)
    file = io.BytesIO()
    figure.savefig(file, format=kind or "png", dpi=_DPI)
    return file.getvalue()


def _lines(axes: Any, found: Sequence[Invariance], change: str, tap: int | None) -> None:
    for one, colour in zip(found, _colours(), strict=False):
        curve = one.curves[change]
        axes.plot(curve.amounts, curve.probabilities if tap is None else one.relative(change)[tap], color=colour, marker=".")
    axes.set_xlabel(_axis(change), fontsize=8)
    axes.set_ylabel("the class's probability" if tap is None else f"{found[0].taps[tap]}: distance / length", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.set_ylim(0, 1.02 if tap is None else None)


def _axis(change: str) -> str:
    return _AXES[analysis_pb2.Change.Value(f"CHANGE_{change.upper()}") - 1]


def _picture(axes: Any, one: Invariance | None, colour: str) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=3, visible=one is not None)
    if one is not None:
        axes.imshow(one.seen)
        axes.set_title(f"{one.name} {one.probability:.0%}", fontsize=8, color=colour)


def _padded(found: Sequence[Invariance], least: int) -> list[Invariance | None]:
    return [*found, *[None] * (least - len(found))]


def _colours() -> list[str]:
    return [f"C{i}" for i in range(10)] * 10
