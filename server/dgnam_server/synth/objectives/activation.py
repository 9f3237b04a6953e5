"""The activation of one unit."""

import torch
from torch import Tensor

from dgnam_server.synth.objectives.objective import Objective, position, unit
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def _read(tap: Tensor, rows: Rows) -> Tensor:
    """A unit of a fully connected tap as it is; of a convolutional one at its position, or as the mean over its map."""
    if tap.ndim == 2:
        return tap.gather(1, unit(tap, rows))
    maps = tap[torch.arange(len(tap), device=tap.device)[:, None], unit(tap, rows)].flatten(2)  # (B, T, H * W)
    return torch.where(rows.y < 0, maps.mean(2), maps.gather(2, position(tap, rows)[..., None]).squeeze(2))


ACTIVATION = Objective(Readout.ACTIVATION, _read)
