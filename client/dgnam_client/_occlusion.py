"""Occlusions: what a network no longer sees when a square covers a part of a picture."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ._analysis_recipe import AnalysisRecipe
from ._events import AnalysisProgress, Queued, Started
from ._file import write_file
from ._picture import decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Occlusion:
    """What a network makes of a picture with a square over it. A notebook shows the sheet by itself.

    Maps are of shape (rows, columns): a cell for each `stride` pixels, with the square over its middle.

    Attributes:
        picture: Which of the request's pictures.
        unit: The feature map that was watched.
        class_index: The class that was watched; `class_label` its label, empty where it has none.
        activation: The feature map's summed activation, rectified, for the picture without the square.
        probability: The class's probability for it.
        top_class: The index of the most probable class for it.
        activation_map: The feature map's summed activation, float32.
        probability_map: The class's probability, float32.
        class_map: The index of the most probable class, int64.
        labels: Labels of those classes, by index.
        pngs: The picture as the network saw it ("seen"), and "activation", "probability" and "classes" over it: PNG files.
        recipe: All it takes to make it again.
    """

    picture: int
    unit: int
    class_index: int
    class_label: str
    activation: float
    probability: float
    top_class: int
    activation_map: NDArray[np.float32]
    probability_map: NDArray[np.float32]
    class_map: NDArray[np.int64]
    labels: Mapping[int, str]
    pngs: Mapping[str, bytes]
    recipe: AnalysisRecipe

    @cached_property
    def images(self) -> dict[str, Image.Image]:
        """The `pngs` as PIL images."""
        return {name: decoded(png) for name, png in self.pngs.items()}

    def sheet(self) -> Image.Image:
        """Zeiler & Fergus 2013, fig. 7: the picture and the three maps side by side."""
        import numpy as np

        from ._sheet import contact_sheet

        names, counts = np.unique(self.class_map, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:4]
        shares = [f"{self._name(int(names[i]))} {counts[i] / self.class_map.size:.0%}" for i in order]
        if len(names) > len(order):
            shares.append(f"and {len(names) - len(order)} more")
        span = "{:.3g} to {:.3g}; {:.3g} uncovered"
        activation = span.format(self.activation_map.min(), self.activation_map.max(), self.activation)
        probability = span.format(self.probability_map.min(), self.probability_map.max(), self.probability)
        captions = [
            [f"seen as {self._name(self.top_class)}", "the picture"],
            [f"feature map {self.unit}", "summed activation by place of the square", activation],
            [self._name(self.class_index), "probability by place of the square", probability],
            ["most probable class", ", ".join(shares)],
        ]
        return contact_sheet([self.images[name] for name in ("seen", "activation", "probability", "classes")], captions, columns=4)

    def save(self, path: str | os.PathLike[str], *, recipe: bool = True) -> Path:
        """Write the sheet or the maps, and the recipe beside them; a file that is there is replaced, whole or not at all.

        Args:
            path: Its suffix chooses: `.npz` for the maps as arrays, or a picture's suffix that Pillow can write for the sheet.
            recipe: Also write the recipe, which holds the picture too, to the same name with the suffix `.json`.

        Raises:
            ValueError: Pillow has no such format.
            OSError: The file cannot be written.
        """
        path = Path(path)
        write_file(path, self._npz() if path.suffix.lower() == ".npz" else self._drawn(path.suffix.lower()))
        if recipe:
            self.recipe.save(path.with_suffix(".json"))
        return path

    def _npz(self) -> bytes:
        import numpy as np

        file = io.BytesIO()
        np.savez(file, activation=self.activation_map, probability=self.probability_map, classes=self.class_map)
        return file.getvalue()

    def _drawn(self, suffix: str) -> bytes:
        from PIL import Image

        from ._sheet import encode

        kind = Image.registered_extensions().get(suffix)
        if kind is None:
            raise ValueError(f"{suffix!r} is not the suffix of a sheet: use .png, .jpg or .webp, or .npz for the maps")
        return encode(self.sheet(), kind)

    def _repr_png_(self) -> bytes:
        return self._drawn(".png")

    def _name(self, index: int) -> str:
        return (self.class_label if index == self.class_index else self.labels.get(index, "")) or f"class {index}"

    def __repr__(self) -> str:
        rows, columns = self.activation_map.shape
        return f"<Occlusion {self.recipe.place}, {rows} x {columns} places>"


OcclusionEvent = Queued | Started | AnalysisProgress | Occlusion
OnOcclusion = Callable[[OcclusionEvent], object]
