"""Part correspondence (Zeiler & Fergus 2013, section 4.3): does covering the same part change the features of pictures alike?"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dgnam_models.errors import DataError
from dgnam_models.network import Network
from dgnam_models.photographs import as_float
from dgnam_models.rgb import rgb

Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the side of the square that the network sees
RANDOM = "random places"
WHOLE: Box = (0, 0, 1, 1)
_GREY = 0.5


@dataclass(frozen=True)
class Marked:
    """Pictures with the same parts marked in each.

    Attributes:
        pictures: square, of any size.
        parts: by name, a box for each picture.
        objects: for each picture the box of the object, where random places lie.
    """

    pictures: Sequence[Image.Image]
    parts: Mapping[str, Sequence[Box]]
    objects: Sequence[Box]


@dataclass(frozen=True)
class Consistency:
    """How alike the features change. `mean` is Delta over the number of ordered pairs and of features, in [0, 1]: 0 is always alike.

    Attributes:
        delta: the source's sum over ordered pairs of the Hamming distance; of random places the mean over the draws.
        std: of `mean` over the draws of random places; 0 for a part.
    """

    delta: float
    mean: float
    std: float = 0.0


def read(path: Path) -> Marked:
    """Read marked pictures: a JSON file with `pictures`, files beside it; `parts`, by name a box for each picture in the order of
    these; and, if random places shall lie on the object, its boxes as `object`. A box is [left, top, right, bottom] in pixels.

    Raises:
        DataError: it is no such file, or a picture cannot be read; every problem, one a line.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        names, parts, objects = table["pictures"], dict(table["parts"]), table.get("object")
        found = [rgb(Image.open(path.parent / name)) for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no file of marked pictures, or one of them cannot be read: {error!r}") from error
    problems = [] if len(found) > 1 else [f"{path}: two pictures at least must be compared, not {len(found)}"]
    problems += [] if parts else [f"{path}: there are no parts"]
    every = {**parts, **({"object": objects} if objects is not None else {})}
    for name, boxes in every.items():
        if not isinstance(boxes, list) or len(boxes) != len(found):
            problems.append(f"{path}: {name} does not have a box for each of the {len(found)} pictures")
            continue
        problems += [f"{path}: {name}, picture {i}: {wrong}" for i, box in enumerate(boxes) if (wrong := _wrong(box, found[i].size))]
    if problems:
        raise DataError("\n".join(problems))
    squares = [_square(picture) for picture in found]
    scaled = {name: [_share(box, picture.size) for box, picture in zip(boxes, found, strict=True)] for name, boxes in every.items()}
    return Marked(squares, {name: scaled[name] for name in parts}, scaled.get("object", [WHOLE] * len(found)))


@torch.no_grad()
def measure(
    network: Network, marked: Marked, taps: Sequence[str], draws: int = 10, seed: int = 0, told: Callable[[int], object] = lambda _: None
) -> dict[str, dict[str, Consistency]]:
    """The consistency of each part, and of random places as large as a part, by tap and name.

    eps_i = phi(x_i) - phi(x_i with the part grey); Delta = sum over i != j of Hamming(sign eps_i, sign eps_j). phi is rectified, but for
    the output tap, so that a feature that is silent with and without the part has the sign 0.

    Args:
        draws: how often random places are drawn.
        told: hears 1 after each part and each draw.
    """
    images = _images(marked.pictures, network)
    whole = _features(network, images, taps)

    def consistency(boxes: Sequence[Box]) -> dict[str, Consistency]:
        hidden = _features(network, covered(images, boxes), taps)
        told(1)
        return {tap: score(whole[tap] - hidden[tap]) for tap in taps}

    found = {name: consistency(boxes) for name, boxes in marked.parts.items()}
    random = torch.Generator().manual_seed(seed)
    drawn = [consistency(places(marked, random)) for _ in range(draws)]
    by_tap = {tap: {name: scores[tap] for name, scores in found.items()} for tap in taps}
    for tap in taps:
        means = torch.tensor([one[tap].mean for one in drawn], dtype=torch.float64)
        delta = sum(one[tap].delta for one in drawn) / len(drawn)
        by_tap[tap][RANDOM] = Consistency(delta, float(means.mean()), float(means.std(correction=0)))
    return by_tap


def score(changes: Tensor) -> Consistency:
    """Delta of the changes eps (N, features)."""
    signs = changes.sign()
    count, features = signs.shape
    different = sum(float((signs[i] != signs[j]).sum()) for i in range(count) for j in range(count) if i != j)
    return Consistency(different, different / (count * (count - 1) * features))


def covered(images: Tensor, boxes: Sequence[Box]) -> Tensor:
    """Images (N, 3, H, W), each with its box in grey."""
    images = images.clone()
    height, width = images.shape[2:]
    for image, (left, top, right, bottom) in zip(images, boxes, strict=True):
        rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
        image[:, rows, round(left * width) : max(round(right * width), round(left * width) + 1)] = _GREY
    return images


def places(marked: Marked, random: torch.Generator) -> list[Box]:
    """For each picture a random place on its object, as large as one of its parts."""
    found = []
    for i, (left, top, right, bottom) in enumerate(marked.objects):
        parts = [boxes[i] for boxes in marked.parts.values()]
        part = parts[int(torch.randint(len(parts), (), generator=random))]
        width, height = min(part[2] - part[0], right - left), min(part[3] - part[1], bottom - top)
        x, y = torch.rand(2, generator=random).tolist()
        x, y = left + x * (right - left - width), top + y * (bottom - top - height)
        found.append((x, y, x + width, y + height))
    return found


def numbers(found: Mapping[str, Mapping[str, Consistency]]) -> dict[str, Any]:
    """What `measure` found as plain data: by tap and part the mean share of features whose signs differ."""
    return {
        tap: {name: {"mean": round(one.mean, 4), "std": round(one.std, 4), "delta": round(one.delta, 1)} for name, one in parts.items()}
        for tap, parts in found.items()
    }


def layers(network: Network) -> list[str]:
    """The last tap with a map, and the last before the output: layers 5 and 7 of the source."""
    taps = [tap for tap in network.card.taps if tap.name != network.card.output_tap]
    maps = [tap.name for tap in taps if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    return list(dict.fromkeys([*maps[-1:], *(tap.name for tap in taps[-1:])])) or [network.card.output_tap]


def _images(pictures: Sequence[Image.Image], network: Network) -> Tensor:
    height, width = network.input_size
    arrays = [np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS)) for picture in pictures]
    return as_float(torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)).to(network.preprocess.mean.device)


def _features(network: Network, images: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
    values = network.activations(images, taps)
    return {tap: (value if tap == network.card.output_tap else value.clamp(min=0)).flatten(1) for tap, value in values.items()}


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def _share(box: Sequence[float], size: tuple[int, int]) -> Box:
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    x1, y1, x2, y2 = box
    return tuple(min(max(value, 0.0), 1.0) for value in ((x1 - left) / side, (y1 - top) / side, (x2 - left) / side, (y2 - top) / side))  # type: ignore[return-value]


def _wrong(box: object, size: tuple[int, int]) -> str:
    """What is wrong with a box, or nothing."""
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        return f"{box!r} is not [left, top, right, bottom]"
    left, top, right, bottom = box
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        return f"{box} does not lie in a picture of {size[0]} x {size[1]} pixels"
    x1, y1, x2, y2 = _share(box, size)
    return "" if x1 < x2 and y1 < y2 else f"{box} lies outside the square middle that the network sees"
