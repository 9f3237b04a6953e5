"""Why a signal does not come down through a network: which module is in its way."""

from typing import Any

import torch
from dgnam_models import Network
from torch import Tensor, nn

from dgnam_server.analysis.rules import Rule

# Their activation functions run inside one kernel, where no rule reaches them.
_CLOSED = (nn.RNNBase,)


class NotProjectable(Exception):
    """A network through which no signal can be sent down; the message names the module."""


def check(network: Network, rule: Rule | None) -> None:
    """Refuse what a rule cannot be kept in.

    Raises:
        NotProjectable: a module hides its activation functions.
    """
    if rule is None:
        return
    for name, part in network.module.named_modules():
        if isinstance(part, _CLOSED):
            raise NotProjectable(
                f"{network.name} hides its activation functions in {named(name, part)}, so no rule can be given to them; "
                "saliency, gradient-times-input, integrated-gradients and grad-cam need none"
            )


def obstacle(network: Network, tap: str, layer: str | None) -> str:
    """What stops the signal between `tap` and the pixels, or `layer`: the first innermost module that takes a gradient and gives none."""
    blocked: list[str] = []

    def hear(name: str, part: nn.Module, inputs: Any, output: Any) -> None:
        if _differentiable(inputs) and not _differentiable(output):
            blocked.append(named(name, part))

    handles = [
        part.register_forward_hook(lambda part, inputs, output, name=name: hear(name, part, inputs, output))
        for name, part in network.module.named_modules()
    ]
    try:
        with torch.enable_grad():
            pixels = network.preprocess.mean.new_zeros(1, 3, *network.input_size).requires_grad_()
            network.own_activations(pixels, [tap])
    finally:
        for handle in handles:
            handle.remove()
    if blocked:
        return f"no signal comes down through {network.name}'s module {blocked[0]}: it has no gradient"
    where = "the pixels" if layer is None else f"its layer {layer}"
    return f"no signal comes from {network.name}:{tap} to {where}: they are not connected"


def named(name: str, part: nn.Module) -> str:
    """A module for a message."""
    return f"{name or 'itself'} ({type(part).__name__})"


def _differentiable(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.requires_grad
    return isinstance(value, tuple | list) and any(map(_differentiable, value))
