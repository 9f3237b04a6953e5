"""Random modification: a picture's code, its energy dealt out anew among the feature maps."""

import numpy as np
import torch
from torch import Tensor

from dgnam_server.synth.objectives import features
from dgnam_server.synth.objectives.objective import Objective, Shown
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout

_STREAM = 1608_04170  # keeps these numbers apart from the noise that the same seed starts from


def dealt_out(activation: Tensor, share: Tensor) -> Tensor:
    """`psi[k] = phi[k] * v_k S / (s_k sum v)`, s_k the sum of map k and S that of all (Xia et al. 2016, arXiv 1608.04170, section 2.2).

    Which neurons are active stays as it is, and map k sums up to its share of S. A map without an active neuron stays silent, and its
    share is lost. The published taps lie behind a ReLU; of others, s_k is the sum of what is positive, and the rest is left alone.

    Args:
        activation: phi, (1, C, H, W).
        share: v, (C,), positive.

    Returns:
        psi, of the same shape.
    """
    active = activation.clamp(min=0)
    sums = active.sum((2, 3), keepdim=True)
    wanted = (share / share.sum())[None, :, None, None] * sums.sum()
    scale = torch.where(sums > 0, wanted / torch.where(sums > 0, sums, 1.0), 1.0)
    return torch.where(activation > 0, activation * scale, activation)


def _wanted(shown: Shown) -> Tensor:
    """Exponential shares, so that every way to split S among the maps is equally likely.

    Random source: a generator of its own, from the row's seed; so a request's variants are further draws.
    """
    share = np.random.default_rng([shown.seed, _STREAM]).standard_exponential(shown.activation.shape[1], dtype=np.float32)
    return dealt_out(shown.activation, torch.from_numpy(share).to(shown.activation.device)).flatten()


def _read(tap: Tensor, rows: Rows) -> Tensor:
    return features.read(tap, rows)


RANDOM_MAPS = Objective(Readout.RANDOM_MAPS, _read, of_whole_taps=True, wanted=_wanted)
