"""Progress bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from .._events import Event, Progress, Queued
from .._result import Result

if TYPE_CHECKING:
    from tqdm import tqdm


class Bars:
    """A progress bar for each picture, on a terminal."""

    def __init__(self, names: list[str], variants: int, file: TextIO, *, quiet: bool) -> None:
        self._bars: dict[tuple[int, int], tqdm[Any]] = {}
        if quiet or not file.isatty():
            return
        from tqdm import tqdm

        width = max((len(name) for name in names), default=0)
        for index, name in enumerate(names):
            for variant in range(variants):
                self._bars[index, variant] = tqdm(
                    desc=name.ljust(width),
                    total=1,
                    position=len(self._bars),
                    file=file,
                    bar_format="{desc} {bar} {n_fmt}/{total_fmt} steps{postfix}",
                    dynamic_ncols=True,
                )

    def __call__(self, index: int, event: Event) -> None:
        if not self._bars:
            return
        match event:
            case Queued(position):
                for (bar_index, _), bar in self._bars.items():
                    if bar_index == index:
                        bar.set_postfix_str(f"waits behind {position}" if position else "next")
            case Progress(moved):
                for picture in moved:
                    self._show(index, picture.variant, picture.step, picture.total_steps, picture.activation)
            case Result(variant=variant, steps=steps, activation=activation, readout=readout):
                self._show(index, variant, steps, steps, activation, f"{readout} ")

    def _show(self, index: int, variant: int, step: int, total: int, activation: float, readout: str = "") -> None:
        bar = self._bars.get((index, variant))
        if bar is not None:
            bar.total, bar.n = total, step
            bar.set_postfix_str(f"{readout}{activation:.4g}")

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for bar in self._bars.values():
            bar.close()
