"""What an objective is: how a term reads a tap as one number."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import pad

from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


@dataclass(frozen=True, eq=False)
class Shown:
    """What a term's pictures gave its tap.

    Attributes:
        activation: phi, (K, C) or (K, C, H, W) float32, in the pictures' order.
        index: the term's unit, which only FEATURE_MAP has.
        seed: the row's.
        relevance: (C,), how much each map counts for the unit that the term is relevant to, 1 on average; None: there is none.
    """

    activation: Tensor
    index: int
    seed: int
    relevance: Tensor | None = None


@dataclass(frozen=True)
class Objective:
    """One way to read.

    Attributes:
        readout: what requests call it.
        read: activations of a tap before their ReLU, (B, C) or (B, C, H, W) float32, and the rows -> (B, T). Terms of other taps and
            readouts are read too, and then not taken.
        of_maps: whether it reads convolutional taps as well as fully connected ones.
        of_whole_taps: whether it reads all units, with the term's vector, in place of one.
        wanted: of terms with pictures, the vector (L,) made of what they gave. None: its terms have no pictures.
    """

    readout: Readout
    read: Callable[[Tensor, Rows], Tensor]
    of_maps: bool = True
    of_whole_taps: bool = False
    wanted: Callable[[Shown], Tensor] | None = None


def position(tap: Tensor, rows: Rows) -> Tensor:
    """Each term's place in a flattened map of a tap (B, C, H, W), (B, T); any where it has none, or belongs to another tap."""
    height, width = tap.shape[2:]
    return (rows.y * width + rows.x).clamp(0, height * width - 1)


def unit(tap: Tensor, rows: Rows) -> Tensor:
    """Each term's unit, (B, T); any where it belongs to another tap."""
    return rows.unit.clamp(max=tap.shape[1] - 1)


def cut(vector: Tensor, length: int) -> Tensor:
    """(B, T, L) -> (B, T, length): without the zeros that fill it up, or with more of them."""
    return pad(vector, (0, length - vector.shape[2]))
