"""First-layer filters of each network: do some dominate, are some dead (Zeiler & Fergus 2013, fig. 6)?"""

import torch
from torch import Tensor

from dgnam_models import filters
from dgnam_models.card import NotInstalled
from dgnam_models.lab.evaluate.drawing import contact_sheet
from dgnam_models.lab.paper.looking import LARGE
from dgnam_models.lab.paper.study import JUDGES, TARGET, Figure, Study
from dgnam_models.photographs import Photographs

PHOTOGRAPHS = 500


def draw(study: Study) -> Figure:
    """For each network its filters on one scale, which shows what dominates, and each on its own; a red frame dominates, a blue is dead.

    Numbers: the diagnosis of each network: see `dgnam-models filters`. With photographs, their responses count too.
    """
    numbers, pictures, captions = {}, [], []
    for name in (TARGET, *JUDGES, LARGE):
        try:
            network = study.network(name)
        except NotInstalled as error:
            print(f"{name} is left out: {error}")
            continue
        found = filters.first_layer(network)
        if (seen := study.photographs(study.val, network)) is not None:
            found = filters.measured(found, network, seen.take(_some(seen)))
        one = numbers[name] = filters.numbers(found)
        told = [f"{len(one['dominating'])} dominate, {len(one['dead'])} are dead", f"{one['aliased']:.0%} of the energy is aliased"]
        pictures += [filters.sheet(found, shared=True), filters.sheet(found)]
        captions += [[name, "one scale", *told], [name, "each on its own scale"]]
    return Figure(contact_sheet(pictures, captions, scale=1, columns=4, title="First-layer filters"), numbers)


def _some(photographs: Photographs) -> Tensor:
    return torch.linspace(0, len(photographs) - 1, min(PHOTOGRAPHS, len(photographs))).long()
