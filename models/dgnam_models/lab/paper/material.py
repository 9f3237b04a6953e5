"""What the figures of inversion and style look at: photographs, or pictures in their place, and layers."""

from collections.abc import Sequence

from PIL import Image

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.study import TARGET, Study, spread
from dgnam_models.network import Network
from dgnam_models.photographs import as_float

METHOD = "inversion"


def photographs(study: Study, count: int = 2) -> list[Image.Image]:
    """Held-out photographs of different classes, evenly spread; where there are none, what a prior draws of so many classes."""
    network = study.network(TARGET)
    if (real := study.photographs(study.val, network)) is None:
        return as_pil(study.draw_classes(network, spread(network.card.labels, count), "in place of photographs").images)
    firsts = {label: i for i, label in reversed(list(enumerate(real.labels.tolist())))}
    shown = spread([firsts[label] for label in sorted(firsts)], count)
    return as_pil(as_float(real.pixels[shown]))


def layers(network: Network, count: int = 5) -> list[str]:
    """`count` taps with maps, evenly spread, rectified ones where there are enough of them, as in the published figures."""
    maps = [tap.name for tap in network.card.taps if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    maps = [name for name in maps if f"relu_{name}" not in maps]  # the same layer before its ReLU
    rectified = [name for name in maps if name.startswith("relu")]
    return spread(rectified if len(rectified) >= min(count, 5) else maps, count)


def alike(pictures: Sequence[Image.Image], like: Sequence[Image.Image]) -> list[Image.Image]:
    """Pictures at the size of the others, for one sheet."""
    return [picture.resize(like[0].size, Image.Resampling.LANCZOS) for picture in pictures]
