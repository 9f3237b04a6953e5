"""Opacity: a picture shows where its target looked, and fades elsewhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from ._receptive_field import Box

_FULL = 0.8  # the share of pixels below full opacity, as in the figures of Fel et al. 2023
_SMOOTH = 0.015  # of the shorter side: the standard deviation of the blur
_TRANSPARENT = {".png": "PNG", ".webp": "WEBP"}


def levels(png: bytes) -> NDArray[np.float32]:
    """The alpha in a PNG file of 8-bit grey, (H, W) from 0 to 1."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), np.float32) / np.float32(255)


def opacity(alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`min(1, a / q)` as levels from 0 to 255, q the 80th percentile of a; opaque where all of a is zero, so that nothing is hidden."""
    import numpy as np

    full = float(np.quantile(alpha, _FULL)) or float(alpha.max())
    share = np.minimum(alpha / full, 1) if full > 0 else np.ones_like(alpha)
    return np.rint(255 * share).astype(np.uint8)


def with_alpha(image: Image.Image, alpha: NDArray[np.float32], suffix: str, box: Box | None = None) -> bytes:
    """A picture with its opacity, as a file.

    Raises:
        ValueError: Files of this suffix have no transparency.
    """
    from PIL import Image, ImageFilter

    if suffix not in _TRANSPARENT:
        raise ValueError(f"{suffix!r} files have no transparency: end the picture's name in .png or .webp")
    seen = image.copy()
    # Strided convolutions leave a grid in the gradients, which says nothing of the picture.
    seen.putalpha(Image.fromarray(opacity(alpha)).filter(ImageFilter.GaussianBlur(_SMOOTH * min(image.size))))
    file = io.BytesIO()
    (seen if box is None else seen.crop((box.left, box.top, box.right, box.bottom))).save(file, format=_TRANSPARENT[suffix], lossless=True)
    return file.getvalue()
