"""A unit's strongest photograph and its projection along a network's training: when do layers settle (Zeiler & Fergus 2013, fig. 4)?"""

from torch import Tensor

import dgnam_models
from dgnam_models.lab.paper import snapshots
from dgnam_models.lab.paper.snapshots import PHOTOGRAPHS, Snapshots
from dgnam_models.lab.paper.study import Figure, Study, spread
from dgnam_models.network import Network
from dgnam_models.photographs import as_float
from dgnam_models.preprocess import resize

RECIPE = "layers64"
RECIPES = (RECIPE,)


def draw(study: Study) -> Figure:
    """For each of four layers its unit that is strongest at the end of the training: see `snapshots.follow`, also for the numbers."""
    names = snapshots.names(dgnam_models.cards(study.packs), RECIPE)
    kept = Snapshots([study.network(name) for name in names], [snapshots.step(name) for name in names])
    images = _photographs(study, kept.networks[0])
    return snapshots.follow(study.client, kept, images, [(tap, None) for tap in snapshots.layers(kept.networks[-1])])


def _photographs(study: Study, network: Network) -> Tensor:
    """Photographs (N, 3, H, W) in [0, 1] of the network's size, evenly spread; without any, drawn pictures."""
    real = study.photographs(study.val, network)
    if real is None:
        names = spread(network.card.labels, max(2, min(study.units, 10)))
        return resize(study.draw_classes(network, names, "in place of photographs").images, network.input_size)
    return as_float(real.pixels[spread(range(len(real)), PHOTOGRAPHS)])
