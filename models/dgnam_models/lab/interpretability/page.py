"""The same trials for people, as one file: which of two photographs excites the unit? (Borowski et al. 2021, arXiv 2010.12606)"""

import base64
import io
import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.photographs import Photographs

if TYPE_CHECKING:
    from dgnam_models.lab.interpretability.interpretability import Explained

_SIDE_PX = 160
_QUALITY = 88
WAYS = ("synthetic", "exemplars")


def questions(explained: Sequence["Explained"], pictures: Photographs, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` questions in random order, in turn with synthetic references and with exemplars, of units drawn by lot.

    Each names its unit, its trial, its references as JPEG files in base64, and its two queries, `right` being the place of the one that
    excites the unit.
    """
    random = torch.Generator().manual_seed(seed)
    units = torch.randint(len(explained), (count,), generator=random).tolist()
    return [_question(explained[unit], WAYS[number % 2], pictures, random) for number, unit in enumerate(units)]


def _question(one: "Explained", way: str, pictures: Photographs, random: torch.Generator) -> dict[str, Any]:
    trial = int(torch.randint(len(one.trials.queries), (1,), generator=random))
    right = int(torch.randint(2, (1,), generator=random))
    queries = one.trials.queries[trial]
    shown = pictures.pixels[queries if right == 0 else queries.flip(0)]
    if way == "synthetic":
        references = {side: _files(as_pil(images)) for side, images in one.drawn.items()}
    else:
        references = {side: _files(_pil(pictures.pixels[getattr(one.trials, side)[trial]])) for side in one.drawn}
    return {"unit": one.unit, "name": one.name, "trial": trial, "way": way, "right": right, "queries": _files(_pil(shown)), **references}


def _pil(pixels: Tensor) -> list[Image.Image]:
    return [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in pixels]


def _files(images: Sequence[Image.Image]) -> list[str]:
    found = []
    for image in images:
        stream = io.BytesIO()
        image.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=_QUALITY)
        found.append(base64.b64encode(stream.getvalue()).decode())
    return found


def page(asked: Sequence[dict[str, Any]], title: str) -> str:
    """The page with these questions: it needs no server and no network, and hands the answers over as a CSV file."""
    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    data = json.dumps(list(asked)).replace("</", "<\\/")  # no text may end the script
    return template.replace("{{title}}", escape(title)).replace("{{questions}}", data)
