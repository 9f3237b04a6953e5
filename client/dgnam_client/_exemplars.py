"""Exemplars: the photographs that excite a unit most."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ._events import AnalysisProgress, Queued, Started
from ._file import write_file
from ._picture import decoded
from ._receptive_field import Box

if TYPE_CHECKING:
    from PIL import Image

    from ._projection import Projection

# Pixels of a patch on a sheet, and between patches.
PATCH_PX = 96
GAP_PX = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Exemplar:
    """One of the photographs that excite a unit most.

    Attributes:
        rank: From 1, the strongest.
        photograph: Its path in its image set.
        folder: The folder it lies in, which is often its class; empty: none.
        unit: The unit's index in the tap.
        label: The unit's label; empty where it has none.
        activation: The unit's activation, before the layer's ReLU; of a convolutional tap the map's maximum.
        position: Where in the unit's map that is, (y, x); None where the tap has no map.
        box: The pixels of `seen` that the unit sees there.
        seen_png: The photograph as the network saw it, a PNG file.
        projection: What in it the activation comes from; None where it was not asked for.
        index: The server's index.
        photographs: How many photographs that is of.
    """

    rank: int
    photograph: str
    folder: str
    unit: int
    label: str
    activation: float
    position: tuple[int, int] | None
    box: Box
    seen_png: bytes
    projection: Projection | None
    index: str
    photographs: int

    @cached_property
    def seen(self) -> Image.Image:
        """The photograph as the network saw it."""
        return decoded(self.seen_png)

    @cached_property
    def patch(self) -> Image.Image:
        """What of it the unit sees."""
        return self._cut(self.seen)

    @cached_property
    def projected_patch(self) -> Image.Image | None:
        """The projection of what the unit sees; None where there is none."""
        return None if self.projection is None else self._cut(self.projection.image)

    def _cut(self, picture: Image.Image) -> Image.Image:
        wide, high = picture.width / self.seen.width, picture.height / self.seen.height
        box = self.box
        return picture.crop((round(box.left * wide), round(box.top * high), round(box.right * wide), round(box.bottom * high)))

    def __repr__(self) -> str:
        return f"<Exemplar {self.rank} of unit {self.unit}: {self.photograph}, activation {self.activation:.4g}>"


class Exemplars(list[Exemplar]):
    """A unit's strongest photographs, the strongest first. A notebook shows them as a sheet.

    Attributes:
        address: The unit's address.
    """

    def __init__(self, found: Iterable[Exemplar] = (), address: str = "") -> None:
        super().__init__(found)
        self.address = address

    @property
    def title(self) -> str:
        """The unit's address and label."""
        label = self[0].label if self else ""
        named = not label or label.replace(" ", "_").lower() in self.address.replace(" ", "_").lower()
        return self.address if named else f"{self.address} ({label})"

    def block(self) -> Image.Image:
        """Zeiler & Fergus 2013, fig. 2: what the unit sees in each photograph, in a square; to its left their projections."""
        projections = self.projections()
        return _beside([*([] if projections is None else [projections]), self.patches()], 3 * GAP_PX)

    def patches(self) -> Image.Image:
        """What the unit sees in each photograph, in a square."""
        return _square([one.patch for one in self])

    def projections(self) -> Image.Image | None:
        """The projections of that, in a square; None where there are none."""
        found = [one.projected_patch for one in self if one.projected_patch is not None]
        return _square(found) if found else None

    def sheet(self) -> Image.Image:
        """Each photograph's patch with its projection, and whose it is."""
        from ._sheet import contact_sheet

        if not self:
            raise ValueError("there are no exemplars to show")
        pictures = [
            _beside([_at_size(one.patch), *([] if one.projected_patch is None else [_at_size(one.projected_patch)])]) for one in self
        ]
        captions = [
            [f"{one.rank}. {one.folder}".strip(), f"activation {one.activation:.4g}" + _at(one), PurePosixPath(one.photograph).name]
            for one in self
        ]
        title = f"{self.title}: the strongest of {self[0].photographs} photographs"
        return contact_sheet(pictures, captions, scale=1, title=title)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sheet. A file that is there is replaced, whole or not at all.

        Raises:
            ValueError: Pillow has no such format, or there are no exemplars.
            OSError: The file cannot be written.
        """
        from PIL import Image

        from ._sheet import encode

        path = Path(path)
        kinds = Image.registered_extensions()
        if path.suffix.lower() not in kinds:
            raise ValueError(f"{path.suffix!r} is not the suffix of a picture: end the name in .png, .jpg or .webp")
        return write_file(path, encode(self.sheet(), kinds[path.suffix.lower()]))

    def _repr_png_(self) -> bytes:
        from ._sheet import encode

        return encode(self.sheet(), "PNG")

    def __repr__(self) -> str:
        return f"<Exemplars {self.title}: {len(self)}>"


def _at(one: Exemplar) -> str:
    return "" if one.position is None else " at {}, {}".format(*one.position)


def _at_size(picture: Image.Image) -> Image.Image:
    """A patch of any size at that of the sheet, its proportions kept, on white."""
    from PIL import Image

    scale = PATCH_PX / max(picture.size)
    sides = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    paper = Image.new("RGB", (PATCH_PX, PATCH_PX), "white")
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    paper.paste(picture.resize(sides, method), ((PATCH_PX - sides[0]) // 2, (PATCH_PX - sides[1]) // 2))
    return paper


def _square(pictures: Sequence[Image.Image]) -> Image.Image:
    """Patches in a square of rows, read like a page."""
    from PIL import Image

    columns = next(side for side in range(1, len(pictures) + 1) if side * side >= len(pictures))
    step, rows = PATCH_PX + GAP_PX, -(-len(pictures) // columns)
    paper = Image.new("RGB", (columns * step - GAP_PX, rows * step - GAP_PX), "white")
    for number, picture in enumerate(pictures):
        paper.paste(_at_size(picture), (number % columns * step, number // columns * step))
    return paper


def _beside(pictures: Sequence[Image.Image], gap_px: int = GAP_PX) -> Image.Image:
    from PIL import Image

    paper = Image.new("RGB", (sum(one.width for one in pictures) + gap_px * (len(pictures) - 1), pictures[0].height), "white")
    left = 0
    for one in pictures:
        paper.paste(one, (left, 0))
        left += one.width + gap_px
    return paper


ExemplarEvent = Queued | Started | AnalysisProgress | Exemplar
OnExemplar = Callable[[ExemplarEvent], object]
