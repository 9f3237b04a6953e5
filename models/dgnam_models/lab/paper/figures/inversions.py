"""Every tap of a network inverted: what does each layer still know of the photograph (Mahendran & Vedaldi 2015, fig. 6)?"""

from typing import Any

from dgnam_client import Features, Unit
from PIL import Image

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.figures.priors import PRIORS
from dgnam_models.lab.paper.material import METHOD, alike, photographs
from dgnam_models.lab.paper.study import JUDGES, TARGET, Figure, Study, sheet

NETWORKS = (TARGET, *JUDGES, "efficientnet-lite0")


def draw(study: Study) -> Figure:
    """A row for each network, a column for each tap; the last row is what the priors of fc6, fc7 and pool5 draw of its code at once
    (Dosovitskiy & Brox 2016).

    Numbers: the squared distance of the picture's activations to the photograph's, relative to these.
    """
    (photo,) = photographs(study, 1)
    numbers: dict[str, Any] = {}
    rows = []
    for name in NETWORKS:
        taps = [tap.name for tap in study.network(name).card.taps]
        drawn = study.draw_pixels([Unit(name, tap, Features(photo)) for tap in taps], name, METHOD)
        errors = [round(-activation, 4) for activation in drawn.activations.tolist()]
        numbers[name] = dict(zip(taps, errors, strict=True))
        rows.append(_row(photo, name, as_pil(drawn.images), [[tap, f"error {error:.4f}"] for tap, error in numbers[name].items()]))
    at_once, captions = [], []
    numbers["feed-forward"] = {}
    for prior in PRIORS:
        tap = study.client.model(prior).code.tap  # type: ignore[union-attr]
        drawn = study.draw([Unit(TARGET, tap, Features(photo))], prior, prior, method="dgn-am", start=photo, steps=1)
        error = round(-drawn.activations.item(), 4)
        numbers["feed-forward"][prior] = error
        at_once += as_pil(drawn.images)
        captions.append([f"{prior}, of {tap}", f"error {error:.4f}"])
    rows.append(_row(photo, "feed-forward", at_once, captions))
    return Figure(_sheet(rows), numbers)


def _row(
    photo: Image.Image, name: str, pictures: list[Image.Image], captions: list[list[str]]
) -> tuple[list[Image.Image], list[list[str]]]:
    return alike([photo, *pictures], [photo]), [["photograph", name], *captions]


def _sheet(rows: list[tuple[list[Image.Image], list[list[str]]]]) -> Image.Image:
    """All rows as long as the longest: white fills them up."""
    longest = max(len(pictures) for pictures, _ in rows)
    filled = []
    for pictures, captions in rows:
        missing = longest - len(pictures)
        blank = Image.new("RGB", pictures[0].size, "white")
        filled.append(([*pictures, *[blank] * missing], [*captions, *[[""]] * missing]))
    return sheet(filled, "Every tap inverted, from noise, without a prior", longest)
