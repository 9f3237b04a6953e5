"""The photographs that excite hidden units most, by layer, with projections (Zeiler & Fergus 2013, fig. 2): what do layers look for?"""

from typing import Any

import numpy as np
from dgnam_client import Exemplars

from dgnam_models.lab.paper.looking import networks
from dgnam_models.lab.paper.study import Figure, Study, sheet, spread
from dgnam_models.network import Network

SHOWS_PHOTOGRAPHS = True
LAYERS = 5
COLUMNS = 3  # units of a layer that are shown


def draw(study: Study) -> Figure:
    """For each network and five layers a row of units: nine projections, and beside them what the unit sees of the nine photographs.

    A network without max pooling is projected by guided backpropagation: see `zeiler_deconvnet`.

    Numbers, for each layer: how much of the picture a unit sees, as the mean share of its area; and of how many classes, which are folders,
    a unit's nine photographs are on average.
    """
    rows, numbers = [], {}
    for network in networks(study):
        of_layers: dict[str, Any] = {}
        backwards = study.client.model(network.name).default_projection
        for tap in _layers(network):
            units = spread(range(next(one.shape[0] for one in network.card.taps if one.name == tap)), study.units)
            found = [study.client.exemplars(f"{network.name}:{tap}:{unit}", project=False) for unit in units]
            of_layers[tap] = {
                "sees": round(float(np.mean([_area(one) for one in found])), 3),
                "classes": round(float(np.mean([len({each.folder for each in one}) for one in found])), 2),
            }
            shown = [study.client.exemplars(f"{network.name}:{tap}:{unit}", method=backwards) for unit in spread(units, COLUMNS)]
            rows.append(([one.block() for one in shown], [_caption(one) for one in shown]))
        numbers[network.name] = {"photographs": shown[0][0].photographs, "projected by": backwards, **of_layers}
    return Figure(sheet(rows, "What layers look for: the nine strongest photographs of each unit, and what in them excites it"), numbers)


def _layers(network: Network) -> list[str]:
    maps = [tap.name for tap in network.card.taps if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    return spread([name for name in maps if not name.startswith("relu")], LAYERS)


def _area(found: Exemplars) -> float:
    boxes = [(one.box, one.seen) for one in found]
    return float(np.mean([(box.bottom - box.top) * (box.right - box.left) / (seen.width * seen.height) for box, seen in boxes]))


def _caption(found: Exemplars) -> list[str]:
    folders = ", ".join(dict.fromkeys(one.folder for one in found if one.folder))
    return [found.title, f"activation {found[-1].activation:.3g} to {found[0].activation:.3g}", folders]
