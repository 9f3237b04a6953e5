"""Does covering the same part change the features of several pictures alike (Zeiler & Fergus 2013, table 1)?"""

from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from dgnam_models.lab.analysis import correspondence
from dgnam_models.lab.analysis.correspondence import Box, Marked
from dgnam_models.lab.paper.looking import SHOWN_PX, networks
from dgnam_models.lab.paper.study import Figure, Study, sheet

FACES, DRAWS = 5, 10
_COLOURS = ("red", "cyan", "yellow", "lime", "magenta")


def draw(study: Study) -> Figure:
    """The pictures with their parts, and each picture with its first random place covered.

    The pictures are those of --parts, else faces drawn with a few ellipses, which differ in place, size and colour. Numbers: by network
    and tap, for each part and for random places, the mean share of features whose change has another sign in another picture; 0 is
    always alike.
    """
    marked = faces(study.seed) if study.parts is None else correspondence.read(study.parts)
    numbers: dict[str, Any] = {"pictures": "drawn faces" if study.parts is None else f"{len(marked.pictures)} marked photographs"}
    for network in networks(study):
        taps = correspondence.layers(network)
        numbers[network.name] = correspondence.numbers(correspondence.measure(network, marked, taps, DRAWS, study.seed))
    places = correspondence.places(marked, torch.Generator().manual_seed(study.seed))
    shown = [picture.resize((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS) for picture in marked.pictures]
    parts = [_framed(picture, [boxes[i] for boxes in marked.parts.values()]) for i, picture in enumerate(shown)]
    hidden = [_covered(picture, place) for picture, place in zip(shown, places, strict=True)]
    rows = [(parts, [[", ".join(marked.parts)]] * len(parts)), (hidden, [["a random place"]] * len(hidden))]
    return Figure(sheet(rows, "The same parts, and random places"), numbers)


def faces(seed: int, count: int = FACES, side: int = 224) -> Marked:
    """Faces of ellipses with two eyes and a nose, no two alike."""
    random = np.random.default_rng(seed)
    pictures, parts, objects = [], dict[str, list[Box]](), []
    for _ in range(count):
        picture = Image.new("RGB", (side, side), _colour(random, 90, 230))
        draw = ImageDraw.Draw(picture)
        x, y = random.uniform(0.44, 0.56, 2) * side
        radius = random.uniform(0.3, 0.38) * side
        head = x - radius, y - 1.15 * radius, x + radius, y + 1.15 * radius
        for ear in (-0.75, 0.75):
            centre = x + ear * radius, y - 0.95 * radius
            draw.ellipse(_around(centre, 0.38 * radius), _colour(random, 60, 140))
        draw.ellipse(head, _colour(random, 140, 235))
        eye = random.uniform(0.13, 0.17) * radius * 1.5
        spots = {"left eye": (x - 0.42 * radius, y - 0.25 * radius), "right eye": (x + 0.42 * radius, y - 0.25 * radius)}
        spots["nose"] = (x, y + 0.25 * radius)
        for name, centre in spots.items():
            draw.ellipse(_around(centre, eye), (245, 245, 240) if "eye" in name else _colour(random, 20, 70))
            if "eye" in name:
                draw.ellipse(_around(centre, 0.5 * eye), _colour(random, 0, 60))
            box = _around(centre, 1.3 * eye)
            parts.setdefault(name, []).append((box[0] / side, box[1] / side, box[2] / side, box[3] / side))
        draw.arc(_around((x, y + 0.45 * radius), 0.4 * radius), 20, 160, (60, 20, 20), width=max(1, side // 60))
        objects.append((head[0] / side, head[1] / side, head[2] / side, head[3] / side))
        pictures.append(picture)
    return Marked(pictures, parts, objects)


def _colour(random: np.random.Generator, least: int, most: int) -> tuple[int, int, int]:
    red, green, blue = random.integers(least, most, 3).tolist()
    return red, green, blue


def _around(centre: tuple[float, float], radius: float) -> Box:
    return centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius


def _pixels(box: Box) -> Box:
    left, top, right, bottom = (value * SHOWN_PX for value in box)
    return left, top, right, bottom


def _framed(picture: Image.Image, boxes: list[Box]) -> Image.Image:
    picture = picture.copy()
    for box, colour in zip(boxes, _COLOURS * len(boxes), strict=False):
        ImageDraw.Draw(picture).rectangle(_pixels(box), outline=colour, width=2)
    return picture


def _covered(picture: Image.Image, box: Box) -> Image.Image:
    picture = picture.copy()
    ImageDraw.Draw(picture).rectangle(_pixels(box), (128, 128, 128))
    return picture
