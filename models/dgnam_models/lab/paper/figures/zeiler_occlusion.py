"""A grey square over every part of a picture (Zeiler & Fergus 2013, fig. 7): does the network look at the object, or around it?"""

import math
from typing import Any

import numpy as np
from dgnam_client import Occlusion

from dgnam_models.lab.paper.looking import at_one_size, networks, pictures, watched
from dgnam_models.lab.paper.study import Figure, Study, sheet

PICTURES = 3


def draw(study: Study) -> Figure:
    """For each network and picture: the picture, the strongest feature map's summed activation, the true class's probability, and the
    most probable class by place of the square. A network that does not know the true class shows its likeliest one.

    Numbers: the class and its probability, uncovered and at the square's most harmful place; at how many places it is the most
    probable; and how far the class's probability and the feature map's activation go together over the places, as a correlation.
    """
    shown = pictures(study, min(PICTURES, study.units))
    numbers: dict[str, Any] = {"pictures": [name for name, _ in shown]}
    rows = []
    for network in networks(study):
        numbers[network.name] = {}
        for name, png in shown:
            found = study.client.occlude(png, watched(network, name)[-1], timeout=math.inf)
            assert isinstance(found, Occlusion)
            label, called = found.class_label, found.labels.get(found.top_class, "")
            kept = float((found.class_map == found.class_index).mean())
            numbers[network.name][name] = {
                "class": label,
                "called": called,
                "probability": round(found.probability, 4),
                "least": round(float(found.probability_map.min()), 4),
                "places where it is first": round(kept, 3),
                "with the feature map": round(_correlation(found.activation_map, found.probability_map), 3),
            }
            captions = [
                [name, f"{network.name} calls it {called}"],
                [f"feature map {found.unit}", f"{found.activation_map.min():.3g} to {found.activation_map.max():.3g}"],
                [
                    f"probability of {label}",
                    f"{found.probability:.1%} uncovered, {found.probability_map.min():.1%} to {found.probability_map.max():.1%}",
                ],
                ["most probable class", f"{label} at {kept:.0%} of places"],
            ]
            images = [at_one_size(found.images[key]) for key in ("seen", "activation", "probability", "classes")]
            rows.append((images, captions))
    return Figure(sheet(rows, "What the network no longer sees when a square covers it: dark is where it hurts"), numbers)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-30))
