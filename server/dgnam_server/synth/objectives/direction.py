"""How far all units of a tap go in a direction."""

import torch
from torch import Tensor

from dgnam_server.synth.objectives.objective import Objective, cut, position
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def along(activation: Tensor, direction: Tensor) -> Tensor:
    """`sum_c v_c a_c`, (B, T): how far the activations go in a direction; with v a class's weights it is that class's logit.

    Args:
        activation: a, (B, T, C).
        direction: v, of the same shape.
    """
    return (activation * direction).sum(2)


def _read(tap: Tensor, rows: Rows) -> Tensor:
    return along(_channels(tap, rows), cut(rows.vector, tap.shape[1]))


def _channels(tap: Tensor, rows: Rows) -> Tensor:
    """Every channel as each term reads it, at its position or as the mean over the map, (B, T, C); of a fully connected tap every unit."""
    if tap.ndim == 2:
        return tap[:, None].expand(-1, rows.unit.shape[1], -1)
    maps = tap.flatten(2).transpose(1, 2)  # (B, H * W, C)
    at = maps.gather(1, position(tap, rows)[..., None].expand(-1, -1, maps.shape[2]))
    return torch.where((rows.y < 0)[..., None], maps.mean(1, keepdim=True), at)


DIRECTION = Objective(Readout.DIRECTION, _read, of_whole_taps=True)
