"""A unit's strongest photograph and its projection at snapshots of a training: when do layers settle (Zeiler & Fergus 2013, fig. 4)?"""

import io
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from dgnam_client import Client, Projection
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dgnam_models.card import ModelCard
from dgnam_models.errors import DataError
from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.looking import at_one_size, square_around
from dgnam_models.lab.paper.study import Figure, sheet, spread
from dgnam_models.network import Network

LAYERS, SNAPSHOTS, PHOTOGRAPHS = 4, 8, 1000
Best = Mapping[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Snapshots:
    """A network at several steps of its training, the earliest first."""

    networks: Sequence[Network]
    steps: Sequence[int]


def names(cards: Mapping[str, ModelCard], network: str, count: int = SNAPSHOTS) -> list[str]:
    """The names of `count` snapshots of a training, evenly spread; fewer where there are not as many."""
    return spread(sorted(name for name in cards if re.fullmatch(rf"{re.escape(network)}-\d+", name)), count)


def step(name: str) -> int:
    """The step that a snapshot's name ends in."""
    return int(name.rpartition("-")[2])


def trained(cards: Mapping[str, ModelCard]) -> str:
    """The name of the one network that there are snapshots of.

    Raises:
        DataError: there is none, or there are several.
    """
    found = {match[1] for name in cards if (match := re.fullmatch(r"(.+)-\d{6}", name)) and cards[name].role == "classifier"}
    if len(found) != 1:
        several = f"there are snapshots of {', '.join(sorted(found))}" if found else "there are no snapshots of a classifier"
        raise DataError(f"{several}: `dgnam-models train --snapshots` keeps those of one training in its run folder")
    return found.pop()


def layers(network: Network) -> list[str]:
    """A few convolutional layers, evenly spread, the last among them."""
    maps = [tap.name for tap in network.card.taps if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    before_relu = [name for name in maps if not name.startswith(("relu", "pool"))]
    *earlier, last = before_relu or maps
    return [*spread(earlier, LAYERS - 1), last]


def follow(client: Client, snapshots: Snapshots, images: Tensor, units: Sequence[tuple[str, int | None]]) -> Figure:
    """For each unit a row of what its strongest photograph shows in its receptive field, and one of the projections.

    Args:
        client: of a server that has the snapshots.
        images: the photographs, (N, 3, H, W) in [0, 1].
        units: tap and unit; None: the one that is strongest, over the photographs, at the end of the training.

    Numbers: for each unit the activation at each snapshot, the number of its strongest photograph, and how often that changes; and for each
    layer the mean share of all units whose strongest photograph is another than at the snapshot before.
    """
    taps = list(dict.fromkeys(tap for tap, _ in units))
    best = [_strongest(network, images, taps) for network in tqdm(snapshots.networks, "snapshots", disable=None)]
    numbers: dict[str, Any] = {"photographs": len(images), "steps": list(snapshots.steps)}
    rows = []
    for tap, asked in units:
        unit = int(best[-1][tap][0].argmax()) if asked is None else asked
        name = tap if asked is None else f"{tap}:{unit}"
        numbers[name] = told = _numbers(best, tap, unit)
        picked = zip(snapshots.networks, told["photographs"], strict=True)
        seen = [_project(client, images[i], f"{network.name}:{tap}:{unit}") for network, i in picked]
        lines = [[f"{tap}, unit {unit}", f"step {steps}"] for steps in snapshots.steps]
        values = [[*line, f"activation {one.activations[0]:.3g}"] for line, one in zip(lines, seen, strict=True)]
        rows += [
            ([at_one_size(one.seen.crop(square_around(one.box, one.seen.size))) for one in seen], lines),
            ([at_one_size(one.image.crop(square_around(one.box, one.image.size))) for one in seen], values),
        ]
    return Figure(sheet(rows, "The strongest photograph of a unit, and its projection, along training"), numbers)


@torch.no_grad()
def _strongest(network: Network, images: Tensor, taps: Sequence[str]) -> Best:
    """By tap each unit's greatest activation over images (N, 3, H, W), and the number of the image that has it."""
    found: dict[str, list[Tensor]] = {tap: [] for tap in taps}
    for some in images.split(64):
        for tap, values in network.activations(some, taps).items():
            found[tap].append(values.flatten(2).amax(2) if values.ndim > 2 else values)
    together = {tap: torch.cat(values).max(0) for tap, values in found.items()}
    return {tap: (greatest.values, greatest.indices) for tap, greatest in together.items()}


def _numbers(best: Sequence[Best], tap: str, unit: int) -> dict[str, Any]:
    picked = [int(found[tap][1][unit]) for found in best]
    changed = [float((a[tap][1] != b[tap][1]).float().mean()) for a, b in itertools.pairwise(best)]
    return {
        "unit": unit,
        "activations": [round(float(found[tap][0][unit]), 3) for found in best],
        "photographs": picked,
        "changes": sum(a != b for a, b in itertools.pairwise(picked)),
        "units with another photograph": [round(share, 3) for share in changed],
    }


def _project(client: Client, image: Tensor, place: str) -> Projection:
    file = io.BytesIO()
    picture: Image.Image = as_pil(image[None])[0]
    picture.save(file, "PNG")
    found = client.project(file.getvalue(), place, enlarge=True, timeout=math.inf)
    assert isinstance(found, Projection)
    return found
