"""A picture that the server drew: the PNG file it made, and the same as an array."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._file import write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from ._receptive_field import Box

# Notebooks show smaller pictures than this enlarged.
PREVIEW_PX = 192


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Picture:
    """A picture that the server drew. A notebook shows it by itself.

    What the request's `include` left out raises AttributeError.

    Attributes:
        sent: The parts that the server sent, by their name in `include`.
    """

    sent: Mapping[str, Any] = field(repr=False)

    @property
    def png(self) -> bytes:
        """The picture as a PNG file, RGB, as the server made it."""
        png: bytes = self._part("png")
        return png

    @property
    def array(self) -> NDArray[np.float32]:
        """The picture as float32 RGB, shape (H, W, 3), nominally in [0, 1], not clipped."""
        array: NDArray[np.float32] = self._part("image")
        return array

    @cached_property
    def image(self) -> Image.Image:
        """The picture as a PIL image, RGB."""
        return decoded(self.png)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture. A file that is there is replaced, whole or not at all.

        Args:
            path: Its suffix chooses the format: `.png` (the server's file, unchanged), `.npy` (the array), or another one
                that Pillow can write.

        Returns:
            The picture's path.

        Raises:
            ValueError: Pillow has no such format.
            OSError: The file cannot be written.
        """
        path = Path(path)
        return write_file(path, self._encoded(path.suffix.lower()))

    def _encoded(self, suffix: str, box: Box | None = None) -> bytes:
        if suffix == ".png" and box is None:
            return self.png
        if suffix == ".npy":
            return npy(self.array if box is None else self.array[box.top : box.bottom, box.left : box.right])
        from PIL import Image

        kind = Image.registered_extensions().get(suffix)
        if kind is None:
            raise ValueError(f"{suffix!r} is not the suffix of a picture: use .png, .npy, .jpg or .webp")
        file = io.BytesIO()
        (self.image if box is None else self.image.crop((box.left, box.top, box.right, box.bottom))).save(file, format=kind)
        return file.getvalue()

    def _part(self, name: str) -> Any:
        try:
            return self.sent[name]
        except KeyError:
            why = (
                "it was drawn with a prior, or the request's include left it out"
                if name == "alpha"
                else "the request's include left it out"
            )
            raise AttributeError(f"this picture came without {name!r}: {why}") from None

    def _repr_png_(self) -> bytes:
        factor = PREVIEW_PX // max(self.image.size)
        if factor < 2:
            return self.png
        from PIL import Image

        file = io.BytesIO()
        self.image.resize((self.image.width * factor, self.image.height * factor), Image.Resampling.LANCZOS).save(file, format="PNG")
        return file.getvalue()

    def _pixels(self) -> str:
        if "image" in self.sent:
            height, width = self.array.shape[:2]
        elif "png" in self.sent:
            width, height = self.image.size
        else:
            return "no picture"
        return f"{width} x {height} px"

    def __repr__(self) -> str:
        return f"<Picture {self._pixels()}>"


def decoded(png: bytes) -> Image.Image:
    """A picture file as a PIL image, RGB."""
    from PIL import Image

    return Image.open(io.BytesIO(png)).convert("RGB")


def npy(array: Any) -> bytes:
    """An array as a .npy file's bytes."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
