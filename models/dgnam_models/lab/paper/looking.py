"""What the figures about photographs share: which pictures, and which networks look at them."""

import io

from PIL import Image

from dgnam_models import photographs
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


def at_one_size(picture: Image.Image) -> Image.Image:
    """A picture at the size that the sheets show, each pixel as it is."""
    return picture.resize((SHOWN_PX, SHOWN_PX), Image.Resampling.NEAREST)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
