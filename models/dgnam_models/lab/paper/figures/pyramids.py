"""Units of low, middle and high layers by the gradient's two pyramids: what does each bring out (Pan et al. 2017, fig. 4)?"""

from typing import Any

from dgnam_models.lab.evaluate.drawing import as_pil
from dgnam_models.lab.evaluate.metrics import fine_detail
from dgnam_models.lab.paper.study import Figure, Study, sheet, spread

NETWORK = "inception64"  # the published figure's is a GoogLeNet
DEPTHS = ("low", "middle", "high")
METHODS = {"normalized": "several resolutions", "laplacian": "Laplacian", "gaussian": "Gaussian"}
UNITS = 3  # of each layer


def draw(study: Study) -> Figure:
    """A row for each depth: the same channels, the mean of their map, by each of three methods.

    Numbers: the mean activation; and the share of the pictures' contrast finer than four pixels, which the Laplacian pyramid should
    lower, since it raises low frequencies. The lowest layer is the second: the first is linear, and the mean of its map prefers plain
    colour.
    """
    card = study.network(NETWORK).card
    maps = [tap for tap in card.taps if len(tap.shape) == 3 and not tap.name.startswith(("relu", "pool"))]
    numbers: dict[str, Any] = {}
    rows = []
    for depth, tap in zip(DEPTHS, (maps[1], maps[len(maps) // 2], maps[-1]), strict=True):
        units = spread(range(tap.shape[0]), UNITS)
        found, cells, captions = {}, [], []
        for method, label in METHODS.items():
            drawn = study.draw_pixels([f"{NETWORK}:{tap.name}:{unit}" for unit in units], f"{tap.name}, {method}", method)
            cells += as_pil(drawn.images)
            captions += [
                [f"{tap.name} unit {unit}", label, f"activation {a:.3g}"] for unit, a in zip(units, drawn.activations, strict=True)
            ]
            found[method] = {
                "activation": round(drawn.activations.mean().item(), 2),
                "fine detail": round(fine_detail(drawn.images).mean().item(), 3),
            }
        numbers[depth] = {"tap": tap.name, "units": units, **found}
        rows.append((cells, captions))
    return Figure(sheet(rows, f"{NETWORK}: low, middle and high layers, by the pyramids of the gradient"), numbers)
