"""Which pixels a unit sees, found out from the network itself."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgnam_models.nets._blocks import Staged
from dgnam_models.network import Network


@dataclass(frozen=True)
class Box:
    """Rows `top` to `bottom` and columns `left` to `right` of a picture, in pixels, the ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    def crop(self, images: Tensor) -> Tensor:
        """The box of images (N, 3, H, W)."""
        return images[:, :, self.top : self.bottom, self.left : self.right]


def centre(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The position (y, x) in the middle of a tap's map (C, H, W), the later one of two; None for a tap without a map."""
    return (shape[1] // 2, shape[2] // 2) if len(shape) == 3 else None


@torch.no_grad()
def receptive_field(network: Network, tap: str, position: tuple[int, int] | None) -> Box:
    """The pixels that the units of `tap` at `position` (y, x) depend on, cut off where the picture ends.

    In a copy whose weights are all positive and whose biases are zero every unit's activation only grows with the pixels and is zero for
    a black picture, so a unit sees a row of pixels exactly if that row alone, lit, makes it positive; and columns alike. This holds for
    any network of convolutions, ReLU, pooling, sums and concatenations, without a rule for each.

    Args:
        position: None for a tap without a map.
    """
    height, width = network.input_size
    module = _positive(network.module)
    assert isinstance(module, Staged)

    def seen(lit: Tensor) -> tuple[int, int]:
        widest = module.activations(lit.double().expand(-1, 3, -1, -1), [tap])[tap].amax(1)  # branches may see less than their neighbours
        unit = widest if position is None else widest[:, position[0], position[1]]
        where = (unit > 0).nonzero().flatten()
        return int(where[0]), int(where[-1]) + 1

    rows, columns = torch.eye(height)[:, None, :, None], torch.eye(width)[:, None, None, :]
    (top, bottom), (left, right) = seen(rows.expand(-1, 1, -1, width)), seen(columns.expand(-1, 1, height, -1))
    return Box(top, left, bottom, right)


def _positive(module: nn.Module) -> nn.Module:
    """A copy with every kernel the mean over its inputs, so that many layers neither vanish nor overflow."""
    module = copy.deepcopy(module).double().eval()
    for parameter in module.parameters():
        parameter.fill_(1 / parameter[0].numel() if parameter.ndim > 1 else 0.0)
    return module
