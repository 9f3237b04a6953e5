"""The probability of one output unit, and its logarithm."""

from torch import Tensor

from dgnam_server.synth.objectives.objective import Objective, unit
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def _probability(tap: Tensor, rows: Rows) -> Tensor:
    """`softmax(tap)_unit` (Nguyen et al. 2016, S7)."""
    return tap.softmax(1).gather(1, unit(tap, rows))


def _log_probability(tap: Tensor, rows: Rows) -> Tensor:
    """`log softmax(tap)_unit`."""
    return tap.log_softmax(1).gather(1, unit(tap, rows))


PROBABILITY = Objective(Readout.PROBABILITY, _probability, of_maps=False)
LOG_PROBABILITY = Objective(Readout.LOG_PROBABILITY, _log_probability, of_maps=False)
