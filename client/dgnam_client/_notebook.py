"""Progress in notebooks, shown where a call draws and its caller asks for no progress of their own."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from ._events import Event, Progress
from ._result import Result
from ._tally import Tally

REFRESH_S = 0.2


class NotebookProgress:
    """A line with a bar under the cell: how many pictures are done, and how long the rest takes. Outside of notebooks, nothing.

    Args:
        requests: How many requests are drawn.
        variants: How many pictures each of them gives.
    """

    def __init__(self, requests: int, variants: int = 1) -> None:
        self._tally = Tally(requests * variants)
        self._variants = variants
        self._handle: Any = None
        self._shown_at = 0.0
        self._activation = ""

    def __enter__(self) -> Self:
        if in_notebook():
            from IPython.display import display

            self._handle = display(self, display_id=True)  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._update()

    def __call__(self, index: int, event: Event) -> None:
        """Show what a request's call tells."""
        if self._handle is None:
            return
        if isinstance(event, Progress):
            for picture in event.variants:
                self._tally.moved(index * self._variants + picture.variant, picture.step / max(picture.total_steps, 1))
                self._activation = f"activation {picture.activation:.4g}"
        elif isinstance(event, Result):
            self._tally.finished(index * self._variants + event.variant)
        if time.monotonic() - self._shown_at >= REFRESH_S:
            self._update()

    def failed(self, index: int) -> None:
        """A request gave no picture."""
        self._tally.finished(index * self._variants, failed=True)

    def _update(self) -> None:
        if self._handle is not None:
            self._shown_at = time.monotonic()
            self._handle.update(self)

    def __repr__(self) -> str:
        beside = self._activation if self._tally.count == 1 else ""
        return ", ".join(filter(None, (self._tally.counted(), beside, self._tally.remaining())))

    def _repr_html_(self) -> str:
        import html

        return f'<progress value="{self._tally.fraction:.3f}" max="1" style="width:16em"></progress> {html.escape(repr(self))}'


def in_notebook() -> bool:
    """Whether this code runs in a notebook's kernel."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None
