"""How near the sums of a tap's maps come to those of a picture: its style, by the weights of its textures."""

from torch import Tensor

from dgnam_server.synth.objectives.features import likeness
from dgnam_server.synth.objectives.objective import Objective, Shown, cut
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def channel_sums(activation: Tensor) -> Tensor:
    """`sum_xy phi[k](x, y) / (h w)`, (B, C): the maps' sums per pixel, so that pictures of any size compare (Xia et al. 2016, arXiv
    1608.04170, section 2.2).

    Args:
        activation: phi, (B, C, h, w).
    """
    return activation.mean((2, 3))


def _read(tap: Tensor, rows: Rows) -> Tensor:
    sums = channel_sums(tap)
    return likeness(sums, cut(rows.vector, sums.shape[1]))


def _wanted(shown: Shown) -> Tensor:
    return channel_sums(shown.activation).flatten()


CHANNEL_SUMS = Objective(Readout.CHANNEL_SUMS, _read, of_whole_taps=True, wanted=_wanted)
