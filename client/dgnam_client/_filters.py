"""Filters: what a network's first convolution looks for in the pixels."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ._file import write_file
from ._picture import decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Filters:
    """A network's first-layer filters, and what may be wrong with them (Zeiler & Fergus 2013, fig. 6). A notebook shows their sheet.

    Attributes:
        model: The network.
        array: What a unit of red, green and blue in [0, 1] adds to each filter's response; float32 of shape (filters, height, width, 3).
        stride: Pixels from one place of the filters to the next, (down, right).
        rms: Each filter's root mean square.
        dominating: Filters more than three times as strong as the median one.
        dead: Filters less than a tenth as strong.
        frequencies: The shares of "low" (below 1/8 cycle per pixel), "middle" and "high" (above 1/4) frequencies in their energy.
        aliased: The share of their energy that the stride cannot carry.
        png: All of them on a sheet, a PNG file: colours around grey, dominating ones in a red frame, dead ones in a blue one.
    """

    model: str
    array: NDArray[np.float32]
    stride: tuple[int, int]
    rms: tuple[float, ...]
    dominating: tuple[int, ...]
    dead: tuple[int, ...]
    frequencies: Mapping[str, float]
    aliased: float
    png: bytes

    @cached_property
    def image(self) -> Image.Image:
        """The sheet."""
        return decoded(self.png)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sheet, or with the suffix `.npy` the array. A file that is there is replaced, whole or not at all.

        Raises:
            ValueError: Pillow has no such format.
            OSError: The file cannot be written.
        """
        from PIL import Image

        path = Path(path)
        suffix, kinds = path.suffix.lower(), Image.registered_extensions()
        if suffix == ".npy":
            return write_file(path, self._npy())
        if suffix not in kinds:
            raise ValueError(f"{path.suffix!r} is not the suffix of a picture: end the name in .png, .jpg or .webp, or in .npy")
        from ._sheet import encode

        return write_file(path, encode(self.image, kinds[suffix]))

    def _npy(self) -> bytes:
        import numpy as np

        file = io.BytesIO()
        np.save(file, self.array)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"<Filters of {self.model}: {len(self.array)}, {len(self.dominating)} dominate, {len(self.dead)} are dead>"
