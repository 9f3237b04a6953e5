"""Progress bars: one line for all pictures together, and one for each of those being drawn, as many as the terminal has room for."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any, TextIO

from .._events import Event, Progress, Queued
from .._tally import Tally

if TYPE_CHECKING:
    from tqdm import tqdm

MOST_BARS = 12
# Lines that stay free, for the prompt and for what is printed above the bars.
FREE_LINES = 4
NAME_WIDTH = 40


class Bars:
    """Bars on a terminal; nothing elsewhere."""

    def __init__(self, names: list[str], file: TextIO, *, quiet: bool) -> None:
        self.tally = Tally(len(names))
        self._names, self._file = names, file
        self._slots: list[tqdm[Any]] = []
        self._total: tqdm[Any] | None = None
        self._shown: dict[int, tqdm[Any]] = {}
        if quiet or not file.isatty():
            return
        lines = shutil.get_terminal_size().lines - FREE_LINES
        several = len(names) > 1
        self._width = min(max((len(name) for name in names), default=0), NAME_WIDTH)
        count = max(min(len(names), MOST_BARS, lines - several), 0 if several else 1)
        self._slots = [self._bar("{desc} {bar} {n_fmt}/{total_fmt} steps{postfix}", place) for place in range(count)]
        if several:
            self._total = self._bar("{desc} {bar}{postfix}", count)
            self._show_total()

    def __call__(self, index: int, event: Event) -> None:
        """Show what a picture's call tells."""
        match event:
            case Queued(position):
                self._show(index, f"waits behind {position}" if position else "next")
            case Progress(moved):
                for picture in moved:
                    self.tally.moved(index, picture.step / max(picture.total_steps, 1))
                    self._show(index, f"activation {picture.activation:.4g}", picture.step, picture.total_steps)
                self._show_total()

    def finished(self, index: int, *, failed: bool) -> None:
        """A picture is done, or will not be."""
        self.tally.finished(index, failed=failed)
        bar = self._shown.pop(index, None)
        if bar is not None:
            # A single picture's bar stays to be read; others make room.
            if self._total is None:
                bar.n = bar.total or 1
                bar.refresh()
            else:
                bar.set_description_str("", refresh=False)
                bar.set_postfix_str("")
        self._show_total()

    def line(self, text: str, file: TextIO | None = None) -> None:
        """Print a line above the bars."""
        from .printing import line

        if not (self._slots or self._total):
            line(text, file)
            return
        from tqdm import tqdm

        with tqdm.external_write_mode(file or sys.stdout):
            line(text, file)

    def _bar(self, form: str, place: int) -> tqdm[Any]:
        from tqdm import tqdm

        return tqdm(total=1, position=place, file=self._file, bar_format=form, dynamic_ncols=True, leave=len(self._names) == 1)

    def _show(self, index: int, postfix: str, step: int = 0, total: int = 1) -> None:
        bar = self._shown.get(index)
        if bar is None:
            free = [slot for slot in self._slots if slot not in self._shown.values()]
            # Those that wait get no bar while there is not room for all.
            if not free or (not step and len(self._names) > len(self._slots)):
                return
            bar = self._shown[index] = free[0]
            bar.set_description_str(_shortened(self._names[index], self._width), refresh=False)
        bar.total, bar.n = total, step
        bar.set_postfix_str(postfix)

    def _show_total(self) -> None:
        if self._total is not None:
            self._total.n = self.tally.fraction
            self._total.set_description_str(self.tally.counted(), refresh=False)
            self._total.set_postfix_str(self.tally.remaining())

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for bar in self._slots:
            bar.close()
        if self._total is not None:
            self._total.close()


def _shortened(name: str, width: int) -> str:
    return name.ljust(width) if len(name) <= width else f"…{name[1 - width :]}"
