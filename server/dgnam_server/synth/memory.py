"""How much memory a row takes, known before it is admitted: from shapes alone."""

import math
from collections.abc import Collection

import torch
from dgnam_models import Generator, Network
from dgnam_models.weight_layout import RectifiersApart
from torch import Tensor, nn

_BYTES = 4  # float32
_NETWORK_COPIES = 3  # an activation, its gradient, and what a convolution lays out for itself
_LOOK_COPIES = 4  # a picture as it is drawn, as each network takes it, and on the way between
_IMAGE_COPIES = 40  # a picture on its way: views, pyramids, penalties, their gradients, and what the update rule remembers


def row_bytes(networks: Collection[Network], size: tuple[int, int], drawn_values: int = 0) -> int:
    """Bytes that one row of a picture of `size` (height, width) takes at most, about, with these networks looking at it.

    Args:
        drawn_values: of the generator that draws it, where there is one: see `drawn_values`.
    """
    activations = {network.name: sum(math.prod(tap.shape) for tap in network.card.taps) for network in networks}
    values = sum(activations.values()) + drawn_values
    return _BYTES * (_NETWORK_COPIES * values + _IMAGE_COPIES * 3 * size[0] * size[1])


def look_bytes(networks: Collection[Network], size: tuple[int, int], drawn_values: int) -> int:
    """Bytes that networks take at most, about, to look at one picture of `size` that a generator draws, without gradients."""
    activations = {network.name: sum(math.prod(tap.shape) for tap in network.card.taps) for network in networks}
    return _BYTES * (sum(activations.values()) + drawn_values + _LOOK_COPIES * 3 * size[0] * size[1])


@torch.no_grad()
def drawn_values(generator: Generator) -> int:
    """The values that a generator's modules give for one code, found by drawing one."""
    found: list[int] = []

    def count(module: nn.Module, given: object, made: object) -> None:
        found.extend([made.numel()] if isinstance(made, Tensor) else [])

    hooks = [module.register_forward_hook(count) for module in generator.module.modules() if not any(module.children())]
    try:
        with RectifiersApart():  # modules that run as one tell only what comes out of the last
            image: Tensor = generator(generator.code_mean[None])
    finally:
        for hook in hooks:
            hook.remove()
    return sum(found) + image.numel()


def array_bytes(*shape: int) -> int:
    """Bytes of a float32 array."""
    return _BYTES * math.prod(shape)
