"""One look at pictures: choose the activations to keep, send the signal down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.analysis.attribution import Attribution
from dgnam_server.analysis.grad_cam import heat
from dgnam_server.analysis.obstacle import NotProjectable, check, obstacle
from dgnam_server.analysis.rules import ruled


@dataclass(frozen=True)
class Wanted:
    """Which activations of a tap to keep.

    Attributes:
        index: the unit; None: the strongest for the picture.
        position: (y, x) in a convolutional tap's map; None: the strongest ones.
        top: so many of the strongest of the map.
    """

    index: int | None = None
    position: tuple[int, int] | None = None
    top: int = 1

    def kept(self, value: Tensor) -> "Kept":
        """What is kept of one picture's activations (C,) or (C, H, W)."""
        place = value if self.position is None or value.ndim == 1 else value[:, self.position[0], self.position[1]]
        index = int(place.flatten(1).amax(1).argmax() if place.ndim == 3 else place.argmax()) if self.index is None else self.index
        if value.ndim == 1:
            return Kept(index, (), (float(value[index]),))
        width = value.shape[2]
        if self.position is not None:
            at = torch.tensor([self.position[0] * width + self.position[1]], device=value.device)
        else:
            at = value[index].flatten().topk(min(self.top, value[0].numel())).indices
        found = value[index].flatten()[at]
        return Kept(index, tuple(divmod(int(i), width) for i in at), tuple(found.tolist()))


@dataclass(frozen=True)
class Kept:
    """Activations that were kept: of unit `index`, at `positions` (y, x) of its map, or none where it has no map; strongest first."""

    index: int
    positions: tuple[tuple[int, int], ...]
    activations: tuple[float, ...]

    def signal(self, like: Tensor, with_activation: bool) -> Tensor:
        """The signal at the top, of the shape of `like` (C,) or (C, H, W): zero but at what is kept.

        There it is 1 or, `with_activation`, the activation; of a silent unit, which the source would show nothing of, it is 1 too.
        """
        signal = torch.zeros_like(like)
        for (y, x), activation in zip(self.positions or ((0, 0),), self.activations, strict=True):
            strength = activation if with_activation and activation > 0 else 1.0
            signal[(self.index, y, x) if self.positions else (self.index,)] = strength
        return signal


def project(
    network: Network,
    method: Attribution,
    places: tuple[str, str | None],
    shown: Tensor,
    choose: Sequence[Callable[[Tensor], Kept]],
) -> tuple[list[Kept], Tensor]:
    """Show pictures to the network and send the signal of each down: to the pixels, or to a layer.

    Args:
        places: the unit's tap, and of methods that stop there the layer's.
        shown: (B, 3, H, W) RGB in [0, 1].
        choose: for each picture what to keep of its activations (C,) or (C, H, W).

    Returns:
        What was kept of each picture, and the signals: (B, 3, H, W), or the layer's heat (B, 1, h, w).

    Raises:
        NotProjectable: the signal does not come through; the module is named.
    """
    tap, layer = places
    check(network, method.rule)
    with torch.enable_grad():
        pixels = shown.detach().clone().requires_grad_()
        with ruled(network.module, method.rule):
            found = network.own_activations(pixels, [tap] if layer is None else [layer, tap])
        value, below = found[tap], pixels if layer is None else found[layer]
        detached = value.detach().float()
        kept = [keep(row) for keep, row in zip(choose, detached, strict=True)]
        top = torch.stack([one.signal(row, method.begins_with_activation) for one, row in zip(kept, detached, strict=True)])
        signal = None
        if value.requires_grad and below.requires_grad:
            # Of a sum: given a signal at the top, PyTorch would import a symbolic algebra first, which takes seconds.
            (signal,) = torch.autograd.grad((value * top.to(value.dtype)).sum(), below, allow_unused=True)
    if signal is None:
        raise NotProjectable(obstacle(network, tap, layer))
    return kept, signal.float() if layer is None else heat(below.detach().float(), signal.float())
