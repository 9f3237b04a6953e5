"""Maps as pictures: (H, W, 3) float32 RGB in [0, 1]."""

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgnam_server.analysis.attribution import Drawn

Array = NDArray[Any]
_STRONG = 99.5  # percentile of the values that has full colour: a single pixel must not leave the rest grey
_LEAST = 1e-12
_HEAT_SHARE, _CLASS_SHARE = 0.55, 0.65  # of the colours; the rest is the picture in grey
# From dark over red to pale yellow, rising evenly in lightness: readable in print and by the colour-blind.
_HEAT = (
    np.array([(0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39), (252, 255, 164)]) / 255
)
_FOR, _AGAINST = np.array([178, 24, 43]) / 255, np.array([33, 102, 172]) / 255


def drawn(how: Drawn, values: Array, image: Array) -> Array:
    """A projection as a picture; values (H, W, 3), or (H, W, 1) of heat; image (H, W, 3) what it is of."""
    match how:
        case "colours":
            return np.asarray((0.5 + 0.5 * values / _strong(np.abs(values))).clip(0, 1))
        case "size":
            size = np.abs(values).max(2, keepdims=True)
            return np.asarray((size / _strong(size)).clip(0, 1).repeat(3, 2))
        case "evidence":
            total = values.sum(2, keepdims=True)
            share = np.clip(total / _strong(np.abs(total)), -1, 1)
            return np.asarray(1 - np.abs(share) * (1 - np.where(share > 0, _FOR, _AGAINST)))
    return over(values[..., 0] / max(float(values.max()), _LEAST), image)


def over(heat: Array, image: Array, cell_px: int = 1) -> Array:
    """Heat (h, w) from 0 to 1 in colours over the picture (H, W, 3) in grey; a cell of it covers `cell_px` pixels each way."""
    grey = image.clip(0, 1).mean(2, keepdims=True)
    return np.asarray(_HEAT_SHARE * _coloured(enlarged(heat, image.shape[:2], cell_px)) + (1 - _HEAT_SHARE) * grey)


def scaled(values: Array) -> Array:
    """Values from their least (0) to their greatest (1); zeros where all are equal."""
    span = float(values.max() - values.min())
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)


def classes(labels: Array, image: Array, cell_px: int) -> Array:
    """Labels (h, w) over the picture (H, W, 3) in grey: a hue for each, the commonest first; cells as in `over`."""
    names, counts = np.unique(labels, return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    hues = {int(name): colorsys.hsv_to_rgb((0.6 + 0.618034 * place) % 1, 0.75, 0.95) for place, name in enumerate(order)}
    coloured = np.array([[hues[int(name)] for name in row] for row in labels])
    grey = image.clip(0, 1).mean(2, keepdims=True)
    return np.asarray(_CLASS_SHARE * enlarged(coloured, image.shape[:2], cell_px) + (1 - _CLASS_SHARE) * grey)


def enlarged(cells: Array, size: tuple[int, int], cell_px: int) -> Array:
    """Cells (h, w, ...) as a picture of `size` (height, width); a cell covers `cell_px` pixels each way, the last ones what is left."""
    rows, columns = (np.arange(side) // cell_px for side in size)
    return cells[rows][:, columns]


def _coloured(heat: Array) -> Array:
    at = np.clip(heat, 0, 1) * (len(_HEAT) - 1)
    return np.stack([np.interp(at, np.arange(len(_HEAT)), _HEAT[:, channel]) for channel in range(3)], -1)


def _strong(sizes: Array) -> float:
    """The size that gets full colour: of all that is not zero, nearly the largest."""
    lit = sizes[sizes > 0]
    return max(float(np.percentile(lit, _STRONG)), _LEAST) if lit.size else 1.0
