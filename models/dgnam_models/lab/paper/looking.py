"""What the figures about photographs share: which pictures, and which networks look at them."""

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

import dgnam_models
from dgnam_models import image_set, indexing, photographs
from dgnam_models.card import NotInstalled
from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import TARGET, Study, classes, spread
from dgnam_models.network import Network

LARGE = "efficientnet-lite0"  # 224 pixels, ImageNet
SHOWN_PX = 224


def networks(study: Study) -> list[Network]:
    """The small network and, where its weights are installed, the large one."""
    found = [study.network(TARGET)]
    try:
        found.append(study.network(LARGE))
    except NotInstalled as error:
        print(f"{LARGE} is left out: {error}")
    return found


def indices(sources: Sequence[Path], packs: Sequence[Path], folder: Path, device: torch.device) -> list[Path]:
    """The indices of photographs for both networks, each in a folder inside `folder`; made once, and again used.

    Raises:
        DataError, ExemplarError: the photographs cannot be read, or an index there is of others.
    """
    images, found = image_set.find(sources), []
    for name in (TARGET, LARGE):
        try:
            network = dgnam_models.load(name, device, packs)
        except NotInstalled:
            continue
        assert isinstance(network, Network)
        # Enlarged: there may be no larger ones, and a large network's view of small photographs is one too.
        indexing.build(network, images, indexing.plan(network, images, enlarge=True), folder / name)
        found.append(folder / name)
    return found


def pictures(study: Study, count: int) -> list[tuple[str, bytes]]:
    """A name and a PNG file for each picture: a photograph of each of `count` classes, evenly spread; without photographs, drawn ones."""
    if not study.val:
        network = study.network(TARGET)
        names = spread(network.card.labels, count)
        return list(zip(names, map(_png, as_pil(study.draw(classes(network, names), "pictures").images)), strict=True))
    first: dict[str, photographs.Entry] = {}
    for entry in photographs.entries(study.val):
        first.setdefault(entry[0], entry)
    chosen = spread(sorted(first), count)
    return [(photographs.label(folder), _png(photographs.square(first[folder], SHOWN_PX, enlarge=False))) for folder in chosen]


def watched(network: Network, name: str) -> list[str]:
    """What to watch of a picture of a `name`: the network, and that class of its, where it knows it; else the most probable one."""
    labels = [label.casefold() for label in network.card.labels]
    known = name.casefold() in labels
    return [network.name, *([f"{network.name}:{network.card.output_tap}:{labels.index(name.casefold())}"] if known else [])]


def at_one_size(picture: Image.Image) -> Image.Image:
    """A picture at the size that the sheets show, each pixel as it is."""
    return picture.resize((SHOWN_PX, SHOWN_PX), Image.Resampling.NEAREST)


def square_around(box: Sequence[int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The smallest square with box (left, top, right, bottom) in its middle that lies in a picture of `size` (width, height)."""
    left, top, right, bottom = box
    side = min(max(right - left, bottom - top), *size)
    x, y = (min(max((first + last - side) // 2, 0), most - side) for first, last, most in ((left, right, size[0]), (top, bottom, size[1])))
    return x, y, x + side, y + side


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
