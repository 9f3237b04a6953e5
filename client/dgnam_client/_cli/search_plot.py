"""The plot of a search: its scores against those of the references."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .._errors import InvalidRequestError
from .._file import write_file

if TYPE_CHECKING:
    from .._search import Search
    from .._search_state import Generation

_LINES: tuple[tuple[str, str, str, Callable[[Generation], float | None]], ...] = (
    ("best picture", "tab:blue", "-", lambda done: done.best),
    ("mean", "tab:blue", "--", lambda done: done.mean),
    ("best reference", "tab:gray", "-", lambda done: done.reference_best),
    ("mean of references", "tab:gray", "--", lambda done: done.reference_mean),
)


def check() -> None:
    """Find out before the search whether it can be plotted.

    Raises:
        InvalidRequestError: Matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InvalidRequestError('--plot needs Matplotlib: pip install "dgnam-client[plot]"') from None


def write(path: Path, search: Search) -> Path:
    """Draw the plot anew; whoever looks at the file sees the old one or the new one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for label, colour, style, value in _LINES:
        points = [(done.number, score) for done in search.history if (score := value(done)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), style, color=colour, label=label, marker="." if len(points) < 30 else "")
    state = search.state
    axes.set(xlabel="generation", ylabel="score", title=f"{state.name}: {state.optimizer}, {state.pictures_done} pictures")
    if search.history:
        axes.legend(loc="best", frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format=path.suffix.lstrip(".").lower() or "png", dpi=120)
    return write_file(path, file.getvalue())
