"""Feature maps' shares drawn at random: does the mixture of textures change and the content stay (Xia et al. 2016, fig. 4)?"""

from typing import Any

from dgnam_client import RandomMaps, Unit

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.paper.material import METHOD, alike, layers, photographs
from dgnam_models.lab.paper.study import Figure, Study, sheet

NETWORKS = ("resnet64", "efficientnet-lite0")
DRAWS = 2


def draw(study: Study) -> Figure:
    """For each network two rows, a draw each; a column for each of five layers.

    Numbers: the error, relative to what was wanted, of each layer's pictures on average.
    """
    (photo,) = photographs(study, 1)
    numbers: dict[str, Any] = {}
    rows = []
    for name in NETWORKS:
        taps = layers(study.network(name))
        drawn = study.draw_pixels([Unit(name, tap, RandomMaps(photo)) for tap in taps], f"{name} random", METHOD, variants=DRAWS)
        errors = -drawn.activations.view(len(taps), DRAWS).mean(1)
        numbers[name] = {tap: round(error, 4) for tap, error in zip(taps, errors.tolist(), strict=True)}
        pictures = as_pil(drawn.images)
        for number in range(DRAWS):
            row = alike([photo, *pictures[number::DRAWS]], [photo])
            rows.append((row, [["photograph", name], *([tap, f"draw {number + 1}"] for tap in taps)]))
    return Figure(sheet(rows, "The shares of the feature maps drawn at random, twice"), numbers)
