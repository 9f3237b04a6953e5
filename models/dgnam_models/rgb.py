"""Any picture as 8-bit RGB, the one way in which photographs are read: to train on, to look at, and by a server."""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rgb(picture: Image.Image) -> Image.Image:
    """The picture in the mode RGB: turned as its EXIF data say, transparent parts white, 16 bits scaled to 8.

    Pillow's own conversion would clip 16 bits at 255, and show what transparency hides.
    """
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # I;16, or I from older versions of Pillow
        return Image.fromarray((np.asarray(upright, dtype=np.float32) / 257).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if upright.has_transparency_data:
        colours = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", upright.size, "white"), colours).convert("RGB")
    return upright.convert("RGB")


def fitted(picture: Image.Image, size: tuple[int, int]) -> "NDArray[np.uint8]":
    """A picture as `size` (height, width) pixels, scaled and cropped about the centre: (H, W, 3) uint8 RGB, as `rgb` reads it."""
    return np.asarray(ImageOps.fit(rgb(picture), (size[1], size[0]), Image.Resampling.LANCZOS))
