"""What all kinds of training share: the learning rate, which weights decay, the average of weights, and where bfloat16 is used."""

import contextlib
import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models.lab.train.config import Recipe
from dgnam_models.network import Network
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.weight_layout import lay_out_


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, constant for `constant_share` of the rest, then half a cosine down to zero (Loshchilov & Hutter 2016, eq. 5)."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    share = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    share = max(0.0, share - recipe.constant_share) / (1 - recipe.constant_share)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def decayed(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay matrices and kernels, not biases and normalization."""
    parameters = list(module.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """For all its parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of the optimizer's weights down the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@torch.no_grad()
def average_(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Exponential moving average of the weights: steadier pictures than the last iterate's (Karras et al. 2018, section 4)."""
    for mean, new in zip(average.state_dict().values(), module.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(new, 1 - decay)


@torch.no_grad()
def measured(module: nn.Module, inputs: Iterable[Tensor]) -> nn.Module:
    """A copy of `module` in evaluation mode whose normalization statistics are the means over the batches `inputs`.

    Of averaged weights, the average of the statistics along the way is only nearly right.
    """
    copied = copy.deepcopy(module)
    for part in copied.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # a plain mean over the batches
    copied.train()
    for batch in inputs:
        copied(batch)
    return copied.eval()


def frozen(network: Network) -> Network:
    """A copy to look through: laid out for its processor, and in bfloat16 where that is fast."""
    device = network.preprocess.mean.device
    dtype = torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return lay_out_(Network(network.card, copy.deepcopy(network.module), dtype).eval().to(device))


def autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """bfloat16 where the processor multiplies it in hardware, else float32."""
    return torch.autocast(device.type, torch.bfloat16) if has_fast_bfloat16(device) else contextlib.nullcontext()


def take_over(module: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Give `module` the weights that agree in name and shape; the names of its others, sorted."""
    own = module.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    module.load_state_dict(fitting, strict=False)
    return sorted(own.keys() - fitting.keys())
