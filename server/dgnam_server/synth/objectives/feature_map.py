"""Feature map inversion: what does one filter make of a picture?"""

import torch
from torch import Tensor

from dgnam_server.synth.objectives import features
from dgnam_server.synth.objectives.objective import Objective, Shown
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def gathered(activation: Tensor, index: int) -> Tensor:
    """`psi[l] = sum_k phi[k]`, `psi[k != l] = 0` (Xia et al. 2016, arXiv 1608.04170, section 2.1): all that is active, in one map.

    The published taps lie behind a ReLU. Of others only what is positive counts, as if they did.

    Args:
        activation: phi, (1, C, H, W).
        index: l.

    Returns:
        psi, of the same shape.
    """
    found = torch.zeros_like(activation)
    found[:, index] = activation.clamp(min=0).sum(1)
    return found


def _wanted(shown: Shown) -> Tensor:
    return gathered(shown.activation, shown.index).flatten()


def _read(tap: Tensor, rows: Rows) -> Tensor:
    return features.read(tap, rows)


FEATURE_MAP = Objective(Readout.FEATURE_MAP, _read, of_whole_taps=True, wanted=_wanted)
