"""Projections: what in a picture an activation comes from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ._analysis_recipe import AnalysisRecipe
from ._events import AnalysisProgress, Queued, Started
from ._picture import Picture, decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Projection(Picture):
    """What in a picture an activation comes from, drawn as a picture of its own. A notebook shows it by itself.

    Attributes:
        picture: Which of the request's pictures.
        unit: The unit's index in the tap.
        label: Its label; empty where it has none.
        positions: (y, x) of the activations that were kept, strongest first; empty where the tap has no map.
        activations: Those activations, before the layer's ReLU.
        recipe: All it takes to make it again.
        seen_png: The picture as the network saw it, a PNG file.
    """

    picture: int
    unit: int
    label: str
    positions: tuple[tuple[int, int], ...]
    activations: tuple[float, ...]
    recipe: AnalysisRecipe
    seen_png: bytes

    @property
    def array(self) -> NDArray[np.float32]:
        """The projection's values, float32 RGB of shape (H, W, 3), by pixels of a picture in [0, 1]; of grad-cam (H, W, 1)."""
        array: NDArray[np.float32] = self._part("image")
        return array

    @cached_property
    def seen(self) -> Image.Image:
        """The picture as the network saw it."""
        return decoded(self.seen_png)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the smallest rectangle that holds all of the projection, as PIL's `crop` takes them."""
        import numpy as np

        lit = np.abs(self.array).max(2) > 0
        rows, columns = np.flatnonzero(lit.any(1)), np.flatnonzero(lit.any(0))
        if not len(rows):
            return 0, 0, lit.shape[1], lit.shape[0]
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def save(self, path: str | os.PathLike[str], *, recipe: bool = True) -> Path:
        """Write the projection, and its recipe beside it.

        A file that is there is replaced, whole or not at all.

        Args:
            path: Its suffix chooses the format: `.png` (the server's file, unchanged), `.npy` (the values), or another one that
                Pillow can write.
            recipe: Also write the recipe, which holds the picture too, to the same name with the suffix `.json`.

        Returns:
            The projection's path.

        Raises:
            ValueError: Pillow has no such format.
            OSError: The file cannot be written.
        """
        if Path(path).suffix.lower() == ".json":
            raise ValueError(f"{path} is a recipe's name: end the picture's name in .png, .npy or another picture format")
        written = super().save(path)
        if recipe:
            self.recipe.save(written.with_suffix(".json"))
        return written

    def __repr__(self) -> str:
        what = f" ({self.label})" if self.label else ""
        return f"<Projection {self.recipe.place}{what} by {self.recipe.method}, activation {self.activations[0]:.4g}>"


ProjectionEvent = Queued | Started | AnalysisProgress | Projection
OnProjection = Callable[[ProjectionEvent], object]
