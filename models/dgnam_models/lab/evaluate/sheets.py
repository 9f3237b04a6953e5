"""The sheets of `evaluate`: pictures in a grid with captions, to be looked at."""

import math
from collections.abc import Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor

from dgnam_models.lab.evaluate.drawing import as_pil, contact_sheet
from dgnam_models.lab.evaluate.quality import Seen, as_pixels
from dgnam_models.network import Network
from dgnam_models.photographs import Files, Photographs, as_float
from dgnam_models.preprocess import resize

PICTURE_PX = 128  # about how wide pictures stand on a sheet
SHOWN = 12  # how many units or photographs the sheets show that cannot show all
COLUMNS = 10  # of a sheet that shows them all


def units(drawn: Seen, judges: Sequence[Network], title: str) -> Image.Image:
    """Every picture, captioned by its unit and what each judge calls it."""
    opinions = zip(*(_opinions(drawn, judge) for judge in judges), strict=True)
    captions = [[name, *answers] for name, answers in zip(_names(drawn.images), opinions, strict=True)]
    title += ". Under each, what it is called by " + " and by ".join(judge.name for judge in judges)
    return _sheet(drawn.images.pixels, captions, COLUMNS, title)


def nameless(drawn: Photographs, order: Sequence[int], each: int, title: str) -> list[Image.Image]:
    """Pictures in another `order`, numbered from 1, `each` to a sheet: can they be named?"""
    numbers = list(range(1, len(order) + 1))
    pieces = [numbers[start : start + each] for start in range(0, len(numbers), each)]
    columns = min(COLUMNS, math.ceil(math.sqrt(each)))
    return [_sheet(drawn.pixels[[order[i - 1] for i in piece]], [[str(i)] for i in piece], columns, title) for piece in pieces]


def seeds(drawn: Photographs, each: int, title: str) -> Image.Image:
    """A dozen units, a column each, with their `each` pictures from different seeds."""
    shown = [unit * each + seed for seed in range(each) for unit in spread(len(drawn) // each)]
    captions = [[drawn.names[int(drawn.labels[i])], f"seed {i % each}"] for i in shown]
    return _sheet(drawn.pixels[shown], captions, min(SHOWN, len(drawn) // each), title)


def side_by_side(drawn: Mapping[str, Photographs], each: int, title: str) -> Image.Image:
    """The same dozen units by several contestants, a row each."""
    parts, captions = [], []
    for name, images in drawn.items():
        shown = images.take(torch.tensor(spread(len(images) // each)) * each)
        parts.append(shown.pixels)
        captions += [[unit, name] for unit in _names(shown)]
    return _sheet(_joined(parts), captions, len(parts[0]), title)


def reconstructions(real: Seen, again: Mapping[str, Seen], judge: Network, title: str) -> Image.Image:
    """A dozen photographs above what each prior makes of their codes, with what `judge` calls each."""
    shown = torch.tensor(spread(len(real.images)))
    rows = {"photograph": real.take(shown)} | {name: seen.take(shown) for name, seen in again.items()}
    captions = [
        [unit, name, opinion] for name, row in rows.items() for unit, opinion in zip(_names(row.images), _opinions(row, judge), strict=True)
    ]
    title += f". Under each, what {judge.name} calls it"
    return _sheet(_joined([row.images.pixels for row in rows.values()]), captions, len(shown), title)


def memorization(drawn: Photographs, nearest: Mapping[str, Tensor], training: Files, title: str) -> Image.Image:
    """Pictures, a row each, and beside them the training image nearest in each space (Nguyen et al. 2016, supplement S22).

    Args:
        nearest: for each space, indices (N,) into `training`.
    """
    parts, captions = [], []
    for row, name in enumerate(_names(drawn)):
        found = torch.stack([indices[row] for indices in nearest.values()])
        neighbours = training.take(found)
        parts += [drawn.pixels[row : row + 1], neighbours.pixels]
        captions += [[name, "drawn"], *([label, space] for label, space in zip(_names(neighbours), nearest, strict=True))]
    return _sheet(_joined(parts), captions, len(nearest) + 1, title)


def spread(total: int) -> list[int]:
    """A dozen of `total` positions, evenly spread; all of them if there are fewer."""
    return [int(i) for i in torch.linspace(0, total - 1, min(SHOWN, total)).round()]


def _names(images: Photographs) -> list[str]:
    return [images.names[label] for label in images.labels.tolist()]


def _opinions(images: Seen, judge: Network) -> list[str]:
    best = images.views[judge.name].logits.softmax(1).max(1)
    return [f"{p:.0%} {judge.card.labels[i]}" for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Pictures (N, 3, S, S) uint8 of one after another, all as large as the largest: methods draw, and priors, at sizes of their own."""
    size = max((int(part.shape[2]), int(part.shape[3])) for part in parts)
    return torch.cat([part if part.shape[2:] == size else as_pixels(resize(as_float(part), size)) for part in parts])


def _sheet(pixels: Tensor, captions: Sequence[Sequence[str]], columns: int, title: str) -> Image.Image:
    scale = max(1, round(PICTURE_PX / pixels.shape[3]))
    return contact_sheet(as_pil(as_float(pixels)), captions, scale=scale, columns=columns, title=title)
