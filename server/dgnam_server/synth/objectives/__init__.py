"""What is ascended. A new way to read a tap is a file here and a line in the table."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgnam_server.synth.objectives.activation import ACTIVATION
from dgnam_server.synth.objectives.balance import GRADIENTS, VALUES, sum_gradient, weighted_sum
from dgnam_server.synth.objectives.direction import DIRECTION
from dgnam_server.synth.objectives.features import FEATURES
from dgnam_server.synth.objectives.objective import Objective
from dgnam_server.synth.objectives.probability import LOG_PROBABILITY, PROBABILITY
from dgnam_server.synth.rows import Rows

OBJECTIVES = (ACTIVATION, PROBABILITY, LOG_PROBABILITY, DIRECTION, FEATURES)


def term_activations(found: Sequence[Tensor | None], rows: Rows, otherwise: Tensor | None = None) -> Tensor:
    """Each row's terms, (B, T) float32, each read as its objective says.

    Args:
        found: the activations of each source, before their ReLU.
        otherwise: (B, T), for terms of sources that are None.
    """
    total = torch.zeros_like(rows.weight) if otherwise is None else otherwise
    for number, tap in enumerate(found):
        if tap is not None:
            total = torch.where(rows.source == number, _read(tap.float(), rows), total)
    return total


def _read(tap: Tensor, rows: Rows) -> Tensor:
    """Every term read off this tap, (B, T)."""
    read = ACTIVATION.read(tap, rows)
    for objective in OBJECTIVES[1:]:
        if _may_be_asked(objective, tap, rows):
            read = torch.where(rows.reads(objective.readout), objective.read(tap, rows), read)
    return read


def _may_be_asked(objective: Objective, tap: Tensor, rows: Rows) -> bool:
    return (objective.of_maps or tap.ndim == 2) and (bool(rows.vector.shape[2]) or not objective.of_whole_taps)


__all__ = ["GRADIENTS", "OBJECTIVES", "VALUES", "Objective", "sum_gradient", "term_activations", "weighted_sum"]
