"""Feature map inversion: does a filter draw the same texture of any photograph (Xia et al. 2016, fig. 3)?"""

from typing import Any

from dgnam_client import FeatureMap, Unit

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.material import METHOD, alike, layers, photographs
from dgnam_models.lab.paper.study import Figure, Study, sheet

NETWORKS = ("resnet64", "efficientnet-lite0")
MAPS = 5  # the first of each layer


def draw(study: Study) -> Figure:
    """For each network and each of five layers a row: two photographs, and each one's inversions by the first five maps.

    Numbers: the error, relative to what was wanted, of each row's pictures on average.
    """
    photos = photographs(study)
    numbers: dict[str, Any] = {}
    rows = []
    for name in NETWORKS:
        network = study.network(name)
        numbers[name] = {}
        for tap in layers(network):
            count = min(MAPS, next(known.shape[0] for known in network.card.taps if known.name == tap))
            cells, captions, errors = [], [], []
            for photo in photos:
                drawn = study.draw_pixels([Unit(name, tap, FeatureMap(photo, index)) for index in range(count)], f"{name} {tap}", METHOD)
                cells += alike([photo, *as_pil(drawn.images)], photos)
                captions += [["photograph", name], *([f"{tap}, map {index}"] for index in range(count))]
                errors += [-activation for activation in drawn.activations.tolist()]
            numbers[name][tap] = round(sum(errors) / len(errors), 4)
            rows.append((cells, captions))
    return Figure(sheet(rows, "Feature map inversion: two photographs by the first maps of five layers", 2 * (MAPS + 1)), numbers)
