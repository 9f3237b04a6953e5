"""Lists of pictures, which notebooks show as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex, TypeVar, overload

from ._errors import DgnamError
from ._picture import Picture
from ._result import Result

T = TypeVar("T")

# More would make a notebook's file too large; the list has them all.
MOST_SHOWN = 200
WIDTH_PX = 160


class Gallery(list[T]):
    """A list of pictures, or of lists of them. A notebook shows it as pictures with captions, and an error as its message."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Gallery[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | Gallery[T]:
        """An item; of a slice, a gallery again."""
        return Gallery(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def __repr__(self) -> str:
        items = list(_flat(self))
        failed = sum(isinstance(item, DgnamError) for item in items)
        return f"<Gallery of {len(items) - failed} pictures" + (f" and {failed} errors>" if failed else ">")

    def _repr_html_(self) -> str:
        items = list(_flat(self))
        left = f"<p>and {len(items) - MOST_SHOWN} more</p>" if len(items) > MOST_SHOWN else ""
        cells = "".join(map(_cell, items[:MOST_SHOWN]))
        return f'<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-end">{cells}</div>{left}'


def _flat(items: Any) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _cell(item: Any) -> str:
    import base64
    import html

    from ._sheet import caption

    lines = caption(item) if isinstance(item, Result) else [] if isinstance(item, Picture) else [str(item)]
    text = "<br>".join(html.escape(line) for line in lines)
    figure = ""
    if isinstance(item, Picture) and "png" in item.sent:
        source = base64.b64encode(item.png).decode("ascii")
        figure = f'<img src="data:image/png;base64,{source}" style="width:{WIDTH_PX}px"><br>'
    return f'<figure style="margin:0;width:{WIDTH_PX}px;font-size:11px;overflow-wrap:anywhere">{figure}{text}</figure>'
