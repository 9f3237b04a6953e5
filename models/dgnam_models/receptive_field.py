"""Which pixels the positions of a tap's map see, found out from the network itself."""

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from dgnam_models.laid_out_attention import LaidOutAttention
from dgnam_models.network import Network, Tapped
from dgnam_models.weight_layout import LaidOut

log = logging.getLogger(__name__)

# Positions that are looked at together.
CHUNK = 8
# Dark enough that sums of many layers stay below the bound of a ReLU6.
BRIGHTNESS = 1e-6


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


@dataclass(frozen=True)
class ReceptiveField:
    """For each row of a map the pixels' rows that it sees, as (first, one after the last), and for each column their columns."""

    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]

    def box(self, position: tuple[int, int]) -> Box:
        """What units at a position (y, x) see."""
        (top, bottom), (left, right) = self.rows[position[0]], self.columns[position[1]]
        return Box(top, left, bottom, right)


def centre(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The position (y, x) in the middle of a tap's map (C, H, W), the later one of two; None for a tap without a map."""
    return (shape[1] // 2, shape[2] // 2) if len(shape) == 3 else None


def receptive_field(network: Network, tap: str) -> ReceptiveField | None:
    """The pixels that the units of `tap` depend on at each position, cut off where the picture ends.

    They are those for which a unit has a gradient. Which these are is a matter of the network's wiring and not of its weights, so a copy
    is asked whose weights are random and positive and in which no unit is silent: biases are zero, batch normalization changes nothing,
    and pooling takes the mean where it would take the greatest. What looks at the whole picture, as a squeeze-and-excitation block or
    attention does, is seen to look at all of it.

    Returns:
        None where the tap has no map, or where it cannot be told: the network gives no gradients, or cannot be copied.
    """
    shape = next(one.shape for one in network.card.taps if one.name == tap)
    if len(shape) != 3:
        return None
    try:
        module = _positive(network)
        y, x = shape[1] // 2, shape[2] // 2
        rows = _seen(network, module, tap, [(row, x) for row in range(shape[1])], axis=2)
        columns = _seen(network, module, tap, [(y, column) for column in range(shape[2])], axis=3)
    except Exception as error:  # other people's modules may raise anything, and a picture can do without being cropped
        log.info("the receptive field of %s:%s cannot be told: %s", network.name, tap, error)
        return None
    return ReceptiveField(rows, columns)


def _seen(network: Network, module: nn.Module, tap: str, positions: Sequence[tuple[int, int]], axis: int) -> tuple[tuple[int, int], ...]:
    """The first pixel along `axis` that each position sees, and the one after the last."""
    assert isinstance(module, Tapped)
    channels = 1 if network.card.preprocessing.channels == "GREY" else 3
    dtype = next((value.dtype for value in module.parameters()), torch.float64)
    found = []
    for start in range(0, len(positions), CHUNK):
        part = positions[start : start + CHUNK]
        # Two at least: what is given one row may take its batch for something else.
        images = torch.full((max(len(part), 2), channels, *network.input_size), BRIGHTNESS, dtype=dtype, requires_grad=True)
        with torch.enable_grad(), _MeanPooling():
            values = module.activations(images, [tap])[tap]
            total = torch.stack([values[index, :, y, x].sum() for index, (y, x) in enumerate(part)]).sum()
            (gradient,) = torch.autograd.grad(total, images)
        along = gradient.abs().sum((1, 5 - axis))
        for moved in along[: len(part)]:
            where = moved.nonzero().flatten()
            if not len(where) or not bool(torch.isfinite(moved).all()):
                raise ValueError("no gradient reaches the pixels")
            found.append((int(where[0]), int(where[-1]) + 1))
    return tuple(found)


class _MeanPooling(TorchFunctionMode):
    """While it lasts, pooling takes the mean where it would take the greatest."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        given = dict(kwargs or {})
        if name in ("max_pool2d", "max_pool2d_with_indices"):
            return _mean_pool(*args, **given)
        if name in ("adaptive_max_pool2d", "adaptive_max_pool2d_with_indices"):
            return functional.adaptive_avg_pool2d(args[0], *args[1:2])
        return func(*args, **given)


def _mean_pool(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    if dilation not in (1, (1, 1), [1, 1]) or return_indices:
        raise ValueError("pooling with gaps, or that tells where the greatest was")
    return functional.avg_pool2d(input, kernel_size, stride or None, padding, ceil_mode)


@torch.no_grad()
def _positive(network: Network) -> nn.Module:
    """A copy on the CPU whose kernels are random, positive, and on the whole means over their inputs, so that many layers neither vanish
    nor overflow."""
    plain: dict[int, Any] = {id(part): part.plain() for part in network.module.modules() if isinstance(part, LaidOut | LaidOutAttention)}
    module = copy.deepcopy(network.module, plain).cpu().eval()
    if getattr(module, "dtype", None) is None:
        module = module.double()
    generator = torch.Generator().manual_seed(0)
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if not value.is_floating_point():
            continue
        if value.ndim > 1:
            value.copy_((0.5 + torch.rand(value.shape, generator=generator)) / value[0].numel())
        else:
            value.fill_(0.0 if name.rpartition(".")[2] in ("bias", "running_mean") else 1.0)
    return module
