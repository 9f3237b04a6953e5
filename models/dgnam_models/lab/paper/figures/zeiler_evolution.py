"""A unit's strongest photograph and its projection along a network's training: when do layers settle (Zeiler & Fergus 2013, fig. 4)?"""

import io
import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

import torch
from dgnam_client import Projection
from PIL import Image
from torch import Tensor
from tqdm import tqdm

import dgnam_models
from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.looking import at_one_size, square_around
from dgnam_models.lab.paper.study import Figure, Study, sheet, spread
from dgnam_models.network import Network
from dgnam_models.photographs import as_float
from dgnam_models.preprocess import resize

RECIPE = "layers64"
RECIPES = (RECIPE,)
LAYERS, SNAPSHOTS, PHOTOGRAPHS = 4, 8, 1000


def draw(study: Study) -> Figure:
    """For each of four layers a unit: a row of what its strongest photograph shows in its receptive field, and one of the projections.

    The unit is the one that is strongest, over the photographs, at the end of the training. Numbers: for each unit the activation at each
    snapshot, the number of its strongest photograph, and how often that changes; and for each layer the mean share of all units whose
    strongest photograph is another than at the snapshot before.
    """
    cards = dgnam_models.cards(study.packs)
    names = spread(sorted(name for name in cards if re.fullmatch(rf"{RECIPE}-\d+", name)), SNAPSHOTS)
    networks = [study.network(name) for name in names]
    images = _photographs(study, networks[0])
    taps = _layers(networks[-1])
    best = [_strongest(network, images, taps) for network in tqdm(networks, "snapshots", disable=None)]
    numbers: dict[str, Any] = {"photographs": len(images), "steps": [cards[name].training["steps"] for name in names]}
    rows = []
    for tap in taps:
        unit = int(best[-1][tap][0].argmax())
        picked = [int(found[tap][1][unit]) for found in best]
        seen = [_project(study, images[i], f"{network.name}:{tap}:{unit}") for network, i in zip(networks, picked, strict=True)]
        changed = [float((a[tap][1] != b[tap][1]).float().mean()) for a, b in itertools.pairwise(best)]
        numbers[tap] = {
            "unit": unit,
            "activations": [round(float(found[tap][0][unit]), 3) for found in best],
            "photographs": picked,
            "changes": sum(a != b for a, b in itertools.pairwise(picked)),
            "units with another photograph": [round(share, 3) for share in changed],
        }
        lines = [[f"{tap}, unit {unit}", f"step {steps}"] for steps in numbers["steps"]]
        told = [[*line, f"activation {one.activations[0]:.3g}"] for line, one in zip(lines, seen, strict=True)]
        rows += [
            ([at_one_size(one.seen.crop(square_around(one.box, one.seen.size))) for one in seen], lines),
            ([at_one_size(one.image.crop(square_around(one.box, one.image.size))) for one in seen], told),
        ]
    return Figure(sheet(rows, "The strongest photograph of a unit, and its projection, along training"), numbers)


@torch.no_grad()
def _strongest(network: Network, images: Tensor, taps: Sequence[str]) -> dict[str, tuple[Tensor, Tensor]]:
    """By tap each unit's greatest activation over images (N, 3, H, W), and the number of the image that has it."""
    found: dict[str, list[Tensor]] = {tap: [] for tap in taps}
    for some in images.split(64):
        for tap, values in network.activations(some, taps).items():
            found[tap].append(values.amax((2, 3)))
    together = {tap: torch.cat(values).max(0) for tap, values in found.items()}
    return {tap: (greatest.values, greatest.indices) for tap, greatest in together.items()}


def _photographs(study: Study, network: Network) -> Tensor:
    """Photographs (N, 3, H, W) in [0, 1] of the network's size, evenly spread; without any, drawn pictures."""
    real = study.photographs(study.val, network)
    if real is None:
        names = spread(network.card.labels, max(2, min(study.units, 10)))
        return resize(study.draw_classes(network, names, "in place of photographs").images, network.input_size)
    return as_float(real.pixels[spread(range(len(real)), PHOTOGRAPHS)])


def _layers(network: Network) -> list[str]:
    maps = [tap.name for tap in network.card.taps if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    before_relu = [name for name in maps if not name.startswith(("relu", "pool"))]
    *earlier, last = before_relu or maps
    return [*spread(earlier, LAYERS - 1), last]


def _project(study: Study, image: Tensor, place: str) -> Projection:
    file = io.BytesIO()
    picture: Image.Image = as_pil(image[None])[0]
    picture.save(file, "PNG")
    found = study.client.project(file.getvalue(), place, enlarge=True, timeout=math.inf)
    assert isinstance(found, Projection)
    return found
