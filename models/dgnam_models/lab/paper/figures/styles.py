"""A photograph in the style of another picture, by channel sums and by Gram matrices: is it still to be seen (Xia et al. 2016, fig. 5)?"""

from typing import Any

from dgnam_client import restyled
from PIL import Image

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.material import METHOD, alike, photographs
from dgnam_models.lab.paper.study import TARGET, Figure, Study, sheet, spread

NETWORKS = ("resnet64", "efficientnet-lite0")
STYLES = 2
_TEXTURED = "pyramid"  # draws pictures without a prior whose every corner is textured, in place of paintings


def draw(study: Study) -> Figure:
    """For each network and style a row: photograph, style, and the two restyled pictures.

    Numbers: the weighted errors' sum of each picture.
    """
    (photo,) = photographs(study, 1)
    paintings = _paintings(study)
    numbers: dict[str, Any] = {}
    rows = []
    for name in NETWORKS:
        model = study.client.model(name)
        numbers[name] = {}
        targets = [restyled(model, photo, style, gram=gram) for style in paintings for gram in (False, True)]
        drawn = study.draw_pixels(targets, f"{name} restyled", METHOD)
        pictures = as_pil(drawn.images)
        for number, style in enumerate(paintings):
            pair = slice(2 * number, 2 * number + 2)
            errors = [round(-activation, 4) for activation in drawn.activations[pair].tolist()]
            numbers[name][f"style {number + 1}"] = dict(zip(("channel sums", "Gram"), errors, strict=True))
            captions = [["photograph", name], ["style"], ["channel sums", f"error {errors[0]}"], ["Gram matrices", f"error {errors[1]}"]]
            rows.append((alike([photo, style, *pictures[pair]], [photo]), captions))
    return Figure(sheet(rows, "A photograph restyled"), numbers)


def _paintings(study: Study) -> list[Image.Image]:
    """Textures that channels of a middle layer prefer: the style of no photograph."""
    tap = next(tap for tap in study.network(TARGET).card.taps if tap.name == "conv3")
    units = spread(range(tap.shape[0]), STYLES)
    return as_pil(study.draw_pixels([f"{TARGET}:conv3:{unit}" for unit in units], "styles", _TEXTURED).images)
