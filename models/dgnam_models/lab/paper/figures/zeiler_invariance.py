"""Pictures moved, turned and scaled: how far do the first and the last layer and the class move (Zeiler & Fergus 2013, fig. 5)?"""

import math
from typing import Any

import numpy as np
from dgnam_client import Invariance

from dgnam_models.lab.evaluate.drawing import contact_sheet
from dgnam_models.lab.paper.looking import networks, pictures, watched
from dgnam_models.lab.paper.study import Figure, Study

PICTURES = 5


def draw(study: Study) -> Figure:
    """For each network the pictures, and a row of curves for each kind of change: the distance in its first and last layer, the class.

    Numbers: means over the pictures at the smallest change and at the largest: each layer's distance as a share of its length, the class's
    probability; and the share of pictures that keep their most probable class.
    """
    shown = pictures(study, PICTURES)
    numbers: dict[str, Any] = {"pictures": [name for name, _ in shown]}
    sheets, captions = [], []
    for network in networks(study):
        found = [_transformed(study, png, watched(network, name)) for name, png in shown]
        sheets.append(found[0].sheet(*found[1:]))
        captions.append([network.name])
        numbers[network.name] = {change: _numbers(found, change) for change in found[0].curves}
    return Figure(contact_sheet(sheets, captions, scale=1, columns=1, title="Moved, turned and scaled"), numbers)


def _transformed(study: Study, png: bytes, places: list[str]) -> Invariance:
    found = study.client.transform(png, places, timeout=math.inf)
    assert isinstance(found, Invariance)
    return found


def _numbers(found: list[Invariance], change: str) -> dict[str, Any]:
    curve = found[0].curves[change]
    nothing = 1 if change == "scale" else 0
    far = np.abs(curve.amounts - nothing)
    far = np.minimum(far, 360 - far) if change == "rotation" else far
    told = {}
    for size, at in (("smallest", int(np.where(far > 0, far, np.inf).argmin())), ("largest", int(far.argmax()))):
        distances = np.mean([one.relative(change)[:, at] for one in found], 0)
        told[size] = {
            "amount": round(float(curve.amounts[at]), 3),
            **{tap: round(float(value), 3) for tap, value in zip(found[0].taps, distances, strict=True)},
            "probability": round(float(np.mean([one.curves[change].probabilities[at] for one in found])), 3),
            "keep their class": round(float(np.mean([one.curves[change].classes[at] == one.top_class for one in found])), 3),
        }
    told["as it is"] = {"probability": round(float(np.mean([one.probability for one in found])), 3)}
    return told
