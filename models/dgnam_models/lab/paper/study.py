"""Study, what a figure works with, and Figure, what comes of it; and what other networks call the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from dgnam_client import Client
from PIL import Image
from torch import Tensor

import dgnam_models
from dgnam_models import photographs
from dgnam_models.lab.evaluate import drawing
from dgnam_models.lab.evaluate.drawing import Pictures
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs
from dgnam_models.preprocess import crop_or_enlarge

TARGET = "alexnet64"  # the network whose units are drawn where a figure is not about another, and the priors' encoder
JUDGES = ("inception64", "resnet64")  # take no part in drawing its units
PRIOR = "upconv64-fc6"
SHOWN = 10  # pictures in a row of a sheet


@dataclass(frozen=True)
class Figure:
    """A sheet of pictures with its numbers: plain data, shares in [0, 1]."""

    sheet: Image.Image
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A server, and what else the figures are to be drawn with."""

    client: Client
    packs: Sequence[Path] = ()  # the server's, besides the bundled models
    units: int = 20  # how many classes, or units of a layer, are drawn
    seed: int = 0
    val: Sequence[Path] = ()  # held-out photographs of the target's classes
    scenes_val: Sequence[Path] = ()  # of the classes of alexnet64-scenes
    pictures: int = 3000  # that a search may show
    parts: Path | None = None  # marked pictures: see analysis/correspondence.py

    def network(self, name: str) -> Network:
        """The classifier `name`, to look at pictures with."""
        network = dgnam_models.load(name, packs=self.packs)
        assert isinstance(network, Network)
        return network

    def draw(self, targets: Sequence[Any], label: str, prior: str = PRIOR, **options: Any) -> Pictures:
        """A picture of each target, with the study's seed; see `drawing.draw`."""
        return drawing.draw(self.client, targets, label, prior=prior, **{"seed": self.seed, **options})

    def draw_pixels(self, targets: Sequence[Any], label: str, method: str, **options: Any) -> Pictures:
        """A picture of each target without a prior, with the study's seed; see `drawing.draw`."""
        return drawing.draw(self.client, targets, label, pixels=True, method=method, **{"seed": self.seed, **options})

    def draw_classes(self, network: Network, names: Sequence[str], label: str, **options: Any) -> Pictures:
        """A picture of each of the network's classes `names`."""
        return self.draw(classes(network, names), label, **options)

    def photographs(self, sources: Sequence[Path], network: Network) -> Photographs | None:
        """Photographs as large as the network takes them; None where there are no sources."""
        return photographs.read(sources, network.input_size[0]) if sources else None


def classes(network: Network, names: Sequence[str]) -> list[str]:
    """The addresses of the network's classes `names`."""
    index = {name: i for i, name in enumerate(network.card.labels)}
    return [f"{network.name}:{network.card.output_tap}:{index[name]}" for name in names]


def spread(things: Sequence[Any], count: int) -> list[Any]:
    """`count` of `things`, or all if there are fewer, evenly spread over the sequence, beginning with the first: picked by no one."""
    count = min(count, len(things))
    return [things[i * len(things) // count] for i in range(count)]


@torch.no_grad()
def opinions(judge: Network, images: Tensor, count: int = 5) -> list[list[str]]:
    """The `count` names that the judge finds likeliest for each of images (N, 3, H, W), best first."""
    logits = judge.logits(crop_or_enlarge(images, judge.input_size))
    return [[judge.card.labels[i] for i in best] for best in logits.topk(min(count, logits.shape[1])).indices.tolist()]


def agreement(called: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, float]:
    """The share of pictures whose name comes first, and is among the first five, in what they are called."""
    return {f"top{k}": round(sum(name in best[:k] for name, best in zip(names, called, strict=True)) / len(names), 4) for k in (1, 5)}


def sheet(rows: Sequence[tuple[Sequence[Image.Image], Sequence[Sequence[str]]]], title: str, columns: int = SHOWN) -> Image.Image:
    """Rows of pictures with their captions under a title; of a row that is too long, `columns` pictures, evenly spread."""
    shown = [spread(list(zip(*row, strict=True)), columns) for row in rows]
    cells = [cell for row in shown for cell in row]
    return drawing.contact_sheet([picture for picture, _ in cells], [lines for _, lines in cells], columns=len(shown[0]), title=title)
