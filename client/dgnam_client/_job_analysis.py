"""What a job shows beside the pictures that it draws: a unit's photographs, and what it sees in them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._picture import Picture
from ._receptive_field import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from ._analysis_recipe import AnalysisRecipe
    from ._job_state import PictureKind


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JobAnalysis(Picture):
    """A photograph that excites a unit, as the network saw it; or its projection, or its occlusion. A notebook shows it by itself.

    Attributes:
        kind: "exemplar", "projection" or "occlusion".
        unit: The unit's index in the tap.
        label: Its label; empty where it has none.
        rank: The photograph's rank, from 1, the strongest.
        photograph: Its path in its image set.
        folder: The folder it lies in, which is often its class; empty: none.
        activation: The unit's activation for it.
        position: Where in the unit's map that is, (y, x); None where the tap has no map.
        box: The pixels that the unit sees there.
        index: The server's index.
        photographs: How many photographs that is of.
        recipe: How it was made, without the photograph; None of an exemplar.
        map: Of an occlusion the unit's summed activation, of a class unit the class's probability, by the square's place, float32 of shape
            (rows, columns); else None.
    """

    kind: PictureKind
    unit: int
    label: str
    rank: int
    photograph: str
    folder: str
    activation: float
    position: tuple[int, int] | None
    box: Box
    index: str
    photographs: int
    recipe: AnalysisRecipe | None
    map: NDArray[np.float32] | None

    @property
    def patch(self) -> Image.Image:
        """What of it the unit sees."""
        return self.image.crop((self.box.left, self.box.top, self.box.right, self.box.bottom))

    def patch_png(self) -> bytes:
        """The same as a PNG file."""
        file = io.BytesIO()
        self.patch.save(file, "PNG")
        return file.getvalue()

    def facts(self) -> dict[str, Any]:
        """All about it but the picture, as plain data."""
        names = ("kind", "unit", "label", "rank", "photograph", "folder", "activation", "position", "index", "photographs")
        box = [self.box.top, self.box.left, self.box.bottom, self.box.right]
        recipe = {} if self.recipe is None else {"recipe": self.recipe.to_dict()}
        return {**{name: getattr(self, name) for name in names}, "box": box, **recipe}

    def __repr__(self) -> str:
        return f"<JobAnalysis {self.kind} {self.rank} of unit {self.unit}: {self.photograph}, activation {self.activation:.4g}>"
