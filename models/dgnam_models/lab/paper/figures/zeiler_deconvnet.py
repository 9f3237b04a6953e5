"""Activations sent back to the pixels, by layer and by method (Zeiler & Fergus 2013, fig. 2): what does a unit see in a picture?"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from dgnam_client import Projection

from dgnam_models.lab.paper.looking import at_one_size, networks, pictures, square_around
from dgnam_models.lab.paper.study import Figure, Study, sheet, spread
from dgnam_models.network import Network

COLUMNS = 6  # taps of a network, and methods
PICTURES = 3
SMALL = 0.1  # of the picture's area


def draw(study: Study) -> Figure:
    """For each network and picture a row with the deconvnet of six taps' strongest activation, and one with six methods of its class.

    All that the deconvnet knows of the picture are the switches of max pooling. The layers of a network without any are shown by guided
    backpropagation, as Springenberg et al. 2015 (arXiv 1412.6806) found necessary. What is small is shown enlarged, by itself.

    Numbers: how far into the picture each tap's projections reach, as the mean share of its area; and for each method the share of its
    squared values in the strongest tenth of the pixels, 0.1 if they were spread evenly.
    """
    shown = pictures(study, min(PICTURES, study.units))
    numbers: dict[str, Any] = {"pictures": [name for name, _ in shown]}
    methods = [method.name for method in study.client.methods().projections][:COLUMNS]
    rows = []
    for network in networks(study):
        taps, backwards = _taps(network), study.client.model(network.name).default_projection
        areas: dict[str, list[float]] = {tap: [] for tap in taps}
        gathered: dict[str, list[float]] = {method: [] for method in methods}
        for name, png in shown:
            layers = [_project(study, png, f"{network.name}:{tap}", backwards) for tap in taps]
            ways = [_project(study, png, network.name, method) for method in methods]
            for tap, one in zip(taps, layers, strict=True):
                areas[tap].append(_area(one))
            for method, one in zip(methods, ways, strict=True):
                gathered[method].append(_gathered(one.array))
            called = f"{network.name} sees {ways[0].label}"
            titles = [f"{tap}, {backwards}" for tap in taps]
            rows += [_row(layers, name, called, titles, cropped=True), _row(ways, name, called, methods)]
        numbers[network.name] = {
            "layers by": backwards,
            "area": {tap: round(float(np.mean(values)), 3) for tap, values in areas.items()},
            "in the strongest tenth": {method: round(float(np.mean(values)), 3) for method, values in gathered.items()},
        }
    return Figure(sheet(rows, "What activations come from: the strongest of six layers, and the likeliest class by six methods"), numbers)


def _taps(network: Network) -> list[str]:
    return spread([tap.name for tap in network.card.taps if len(tap.shape) == 3], COLUMNS)


def _project(study: Study, png: bytes, place: str, method: str) -> Projection:
    found = study.client.project(png, place, method=method, enlarge=True, timeout=math.inf)
    assert isinstance(found, Projection)
    return found


def _row(
    found: Sequence[Projection], name: str, called: str, titles: Sequence[str], cropped: bool = False
) -> tuple[list[Any], list[list[str]]]:
    pictures, captions = [at_one_size(found[0].seen)], [[name, called]]
    for title, one in zip(titles, found, strict=True):
        left, top, right, bottom = one.box
        small = cropped and _area(one) < SMALL
        pictures.append(at_one_size(one.image.crop(square_around(one.box, one.image.size)) if small else one.image))
        unit = f"unit {one.unit}" + (f", {one.label}" if one.label else "")
        size = [f"{right - left} x {bottom - top} pixels, enlarged"] if small else []
        captions.append([title, unit, f"activation {one.activations[0]:.3g}", *size])
    return pictures, captions


def _area(one: Projection) -> float:
    left, top, right, bottom = one.box
    height, width = one.seen.height, one.seen.width
    return (right - left) * (bottom - top) / (height * width)


def _gathered(values: np.ndarray) -> float:
    energy = np.sort(np.square(values.astype(np.float64)).sum(2).ravel())[::-1]
    return float(energy[: max(1, len(energy) // 10)].sum() / max(energy.sum(), 1e-30))
