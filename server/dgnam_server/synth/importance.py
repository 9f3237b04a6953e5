"""Importance: where in a picture its target's gradient was strong on the way, the picture's opacity in MaCo's figures."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgnam_server.synth.priors import GENERATOR
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import State

NAME = "importance"


def accumulated(before: Tensor, gradient: Tensor) -> Tensor:
    """`A <- A + mean_c |g_c|`, (B, H, W): the magnitude of the gradient at the picture, summed over the steps (Fel et al. 2023, arXiv
    2306.06805, section 3.3).

    Args:
        before: A, (B, H, W), zeros at first.
        gradient: g, (B, C, H, W), as the method's parts shape it; where it is not finite, it counts as zero.
    """
    return before + gradient.abs().mean(1).nan_to_num(0, 0, 0)


def share_of_largest(importance: Tensor) -> Tensor:
    """(H, W) from 0 to 1, the largest; zeros where there was no gradient."""
    largest = importance.max()
    return importance / torch.where(largest > 0, largest, 1.0)


def fresh_state(problem: Problem, code: Tensor) -> State:
    """No importance yet. A trained prior's pictures have none: there the code moves, and no pixel by itself."""
    return {} if problem.structure.prior == GENERATOR else {NAME: torch.zeros(1, *problem.prior.size, device=code.device)}


def added(state: State, gradients: Sequence[Tensor]) -> State:
    """The importance with one step's gradients, one for each pass back through the networks; nothing where none is remembered."""
    if NAME not in state:
        return {}
    found = state[NAME]
    for gradient in gradients:
        found = accumulated(found, gradient.float())
    return {NAME: found}
