"""Invariances: how far a network's features move when a picture is moved, turned and scaled."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ._analysis_recipe import AnalysisRecipe
from ._errors import InvalidRequestError
from ._events import AnalysisProgress, Queued, Started
from ._file import write_file
from ._picture import decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


@dataclass(frozen=True, eq=False)
class InvarianceCurve:
    """What one kind of change gives.

    Attributes:
        amounts: Pixels down, degrees counterclockwise, or the ratio; float32 of shape (amounts,).
        distances: The Euclidean distance between a layer's activations of the picture as it is and as it became, before the layer's
            ReLU; float32 of shape (taps, amounts).
        probabilities: The class's probability, float32 of shape (amounts,).
        classes: The index of the most probable class, int64 of shape (amounts,).
    """

    amounts: NDArray[np.float32]
    distances: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    classes: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Invariance:
    """How far a network's features and a class's probability move with a picture. A notebook shows the curves by itself.

    Attributes:
        picture: Which of the request's pictures.
        class_index: The class that was watched; `class_label` its label, empty where it has none.
        probability: The class's probability for the picture as it is.
        top_class: The index of the most probable class for it.
        taps: The layers that were measured.
        lengths: The Euclidean length of each one's activations for the picture as it is.
        curves: By kind of change: "translation", "rotation", "scale"; those that were asked for.
        labels: Labels of the most probable classes, by index.
        seen_png: The picture as the network saw it, a PNG file.
        recipe: All it takes to make it again.
    """

    picture: int
    class_index: int
    class_label: str
    probability: float
    top_class: int
    taps: tuple[str, ...]
    lengths: tuple[float, ...]
    curves: Mapping[str, InvarianceCurve]
    labels: Mapping[int, str]
    seen_png: bytes
    recipe: AnalysisRecipe

    @cached_property
    def seen(self) -> Image.Image:
        """The picture as the network saw it."""
        return decoded(self.seen_png)

    @property
    def name(self) -> str:
        """The class's label, or its number."""
        return self.class_label or f"class {self.class_index}"

    def relative(self, change: str) -> NDArray[np.float32]:
        """The distances of one kind of change as shares of the layers' lengths, (taps, amounts): layers can be compared so."""
        import numpy as np

        lengths = np.maximum(np.array(self.lengths, np.float32), np.finfo(np.float32).tiny)
        return np.asarray(self.curves[change].distances / lengths[:, None])

    def sheet(self, *others: Invariance) -> Image.Image:
        """Zeiler & Fergus 2013, fig. 5: a row of curves for each kind of change, a line for each picture, this one's and the others'.

        Raises:
            InvalidRequestError: Matplotlib is not installed, or the others have other layers or changes.
        """
        return decoded(self._drawn("png", *others))

    def save(self, path: str | os.PathLike[str], *, recipe: bool = True) -> Path:
        """Write the curves, and the recipe beside them; a file that is there is replaced, whole or not at all.

        Args:
            path: Its suffix chooses: `.npz` for arrays (`translation_amounts`, `translation_distances` and so on), or a suffix that
                Matplotlib can write, such as `.png`, `.svg` or `.pdf`.
            recipe: Also write the recipe, which holds the picture too, to the same name with the suffix `.json`.

        Raises:
            InvalidRequestError: Matplotlib is not installed.
            ValueError: Matplotlib has no such format.
            OSError: The file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower().lstrip(".")
        write_file(path, self._npz() if suffix == "npz" else self._drawn(suffix))
        if recipe:
            self.recipe.save(path.with_suffix(".json"))
        return path

    def _npz(self) -> bytes:
        import numpy as np

        arrays = {f"{change}_{name}": value for change, curve in self.curves.items() for name, value in vars(curve).items()}
        file = io.BytesIO()
        np.savez(file, taps=np.array(self.taps), lengths=np.array(self.lengths, np.float32), **arrays)
        return file.getvalue()

    def _drawn(self, kind: str, *others: Invariance) -> bytes:
        try:
            from ._invariance_plot import drawn
        except ImportError:
            raise InvalidRequestError('curves need Matplotlib: pip install "dgnam-client[plot]", or write .npz') from None
        if any((one.taps, list(one.curves)) != (self.taps, list(self.curves)) for one in others):
            raise InvalidRequestError("only pictures with the same layers and kinds of changes go on one sheet")
        return drawn([self, *others], kind)

    def _repr_png_(self) -> bytes:
        return self._drawn("png")

    def __repr__(self) -> str:
        return f"<Invariance {self.recipe.place}: {', '.join(self.curves)}>"


InvarianceEvent = Queued | Started | AnalysisProgress | Invariance
OnInvariance = Callable[[InvarianceEvent], object]
