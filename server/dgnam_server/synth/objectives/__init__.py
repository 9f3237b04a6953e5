"""What is ascended. A new way to read a tap is a file here and a line in the table."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgnam_server.synth.objectives.activation import ACTIVATION
from dgnam_server.synth.objectives.balance import GRADIENTS, VALUES, sum_gradient, weighted_sum
from dgnam_server.synth.objectives.channel_sums import CHANNEL_SUMS
from dgnam_server.synth.objectives.direction import DIRECTION
from dgnam_server.synth.objectives.feature_map import FEATURE_MAP
from dgnam_server.synth.objectives.features import FEATURES
from dgnam_server.synth.objectives.gram import GRAM
from dgnam_server.synth.objectives.objective import Objective, Shown
from dgnam_server.synth.objectives.probability import LOG_PROBABILITY, PROBABILITY
from dgnam_server.synth.objectives.random_maps import RANDOM_MAPS
from dgnam_server.synth.objectives.relevance import relevance
from dgnam_server.synth.objectives.similarity import FEATURE_SIMILARITY, GRAM_SIMILARITY
from dgnam_server.synth.objectives.sorted_maps import SORTED_MAPS
from dgnam_server.synth.rows import READOUTS, Rows
from dgnam_server.synth.spec import Readout

_TABLE = (
    ACTIVATION,
    PROBABILITY,
    LOG_PROBABILITY,
    DIRECTION,
    FEATURES,
    FEATURE_MAP,
    RANDOM_MAPS,
    CHANNEL_SUMS,
    GRAM,
    SORTED_MAPS,
    FEATURE_SIMILARITY,
    GRAM_SIMILARITY,
)
OBJECTIVES: dict[Readout, Objective] = {objective.readout: objective for objective in _TABLE}
_OF_UNITS = tuple(objective for objective in _TABLE if not objective.of_whole_taps)
_OF_WHOLE_TAPS = tuple(objective for objective in _TABLE if objective.of_whole_taps)


def term_activations(found: Sequence[Tensor | None], rows: Rows, otherwise: Tensor | None = None) -> Tensor:
    """Each row's terms, (B, T) float32, each read as its objective says.

    Args:
        found: the activations of each source, before their ReLU.
        otherwise: (B, T), for terms of sources that are None.
    """
    total = torch.zeros_like(rows.weight) if otherwise is None else otherwise
    for number, tap in enumerate(found):
        if tap is not None:
            total = torch.where(rows.source == number, _read_units(tap.float(), rows), total)
    for number, objective, columns in _whole_taps(rows, len(found)):
        if (tap := found[number]) is not None:
            read = torch.zeros_like(total).index_copy(1, columns, objective.read(tap.float(), rows.of_terms(columns)))
            total = torch.where((rows.source == number) & rows.reads(objective.readout), read, total)
    return total


def _read_units(tap: Tensor, rows: Rows) -> Tensor:
    """Every term as if it read one unit of this tap, (B, T)."""
    read = ACTIVATION.read(tap, rows)
    for objective in _OF_UNITS[1:]:
        if objective.of_maps or tap.ndim == 2:
            read = torch.where(rows.reads(objective.readout), objective.read(tap, rows), read)
    return read


def _whole_taps(rows: Rows, sources: int) -> list[tuple[int, Objective, Tensor]]:
    """Which sources are read as a whole, how, and by which terms' columns, those of any row.

    A whole tap is large, so only those that want it look at it. That is read back to the host, in batches with such terms only.
    """
    if not rows.vector.shape[2]:
        return []
    device = rows.source.device
    readouts = torch.tensor([READOUTS.index(objective.readout) for objective in _OF_WHOLE_TAPS], device=device)
    source = rows.source[:, None, None] == torch.arange(sources, device=device)[:, None, None]  # (B, S, 1, T)
    asked = (source & (rows.readout[:, None, None] == readouts[:, None])).any(0).cpu()  # (S, readouts, T)
    places = asked.any(2).nonzero().tolist()
    return [(number, _OF_WHOLE_TAPS[which], asked[number, which].nonzero().flatten().to(device)) for number, which in places]


__all__ = ["GRADIENTS", "OBJECTIVES", "VALUES", "Objective", "Shown", "relevance", "sum_gradient", "term_activations", "weighted_sum"]
