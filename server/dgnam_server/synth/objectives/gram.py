"""How near the Gram matrix of a tap's maps comes to that of a picture: its style, by which textures go together."""

from torch import Tensor

from dgnam_server.synth.objectives.features import likeness
from dgnam_server.synth.objectives.objective import Objective, Shown, cut
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def gram(activation: Tensor) -> Tensor:
    """`G[j, k] = sum_xy phi[j](x, y) phi[k](x, y) / (h w)`, (B, C, C) (Gatys, Ecker & Bethge 2016, eq. 3; there without the division,
    which makes pictures of any size comparable).

    Args:
        activation: phi, (B, C, h, w).
    """
    maps = activation.flatten(2)
    return maps @ maps.transpose(1, 2) / maps.shape[2]


def _read(tap: Tensor, rows: Rows) -> Tensor:
    found = gram(tap).flatten(1)
    return likeness(found, cut(rows.vector, found.shape[1]))


def _wanted(shown: Shown) -> Tensor:
    return gram(shown.activation).flatten()


GRAM = Objective(Readout.GRAM, _read, of_whole_taps=True, wanted=_wanted)
