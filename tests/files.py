"""Picture files for tests."""

import io

import numpy as np
from PIL import Image


def png(width: int, height: int, seed: int = 0) -> bytes:
    """Noise as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()
