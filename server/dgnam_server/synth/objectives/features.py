"""How near all activations of a tap come to given ones."""

import torch
from torch import Tensor

from dgnam_server.synth.objectives.objective import Objective, Shown, cut
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def likeness(activation: Tensor, wanted: Tensor) -> Tensor:
    """`-||phi(x) - phi_0||^2 / ||phi_0||^2`, (B, T) (Pan et al. 2017, eq. 4, negative because we ascend); 0 where the two are equal.

    Args:
        activation: phi(x), (B, N).
        wanted: phi_0, (B, T, N); the distance to zeros is not divided.
    """
    length = wanted.square().sum(2)
    return -(activation[:, None] - wanted).square().sum(2) / torch.where(length > 0, length, 1.0)


def read(tap: Tensor, rows: Rows) -> Tensor:
    """How near a tap (B, ...) comes to what each term wants of it, (B, T)."""
    flat = tap.flatten(1)
    return likeness(flat, cut(rows.vector, flat.shape[1]))


def _wanted(shown: Shown) -> Tensor:
    return shown.activation.flatten()


FEATURES = Objective(Readout.FEATURES, read, of_whole_taps=True, wanted=_wanted)
