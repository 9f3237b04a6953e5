"""Bringing a target's terms together into one gradient per row."""

from collections.abc import Callable

import torch
from torch import Tensor

from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Balance


def weighted_sum(activation: Tensor, rows: Rows) -> Tensor:
    """`sum_t w_t a_t`, (B,)."""
    return (rows.weight * activation).sum(1)


def equal_activation(activation: Tensor, rows: Rows) -> Tensor:
    """`sum_t v_t - var_t(v_t)` with v_t = w_t a_t, (B,): the variance over a row's terms pulls its weighted activations to one value."""
    value = rows.weight * activation  # 0 where a term only fills up
    count = rows.real.sum(1, keepdim=True)
    spread = torch.where(rows.real, value - value.sum(1, keepdim=True) / count, 0.0)
    return value.sum(1) - (spread.square() / count).sum(1)


def sum_gradient(activation: Tensor, rows: Rows, code: Tensor) -> Tensor:
    """d weighted_sum / d code, (B, D)."""
    return torch.autograd.grad(weighted_sum(activation, rows).sum(), code)[0]


def equal_activation_gradient(activation: Tensor, rows: Rows, code: Tensor) -> Tensor:
    """d equal_activation / d code, (B, D)."""
    return torch.autograd.grad(equal_activation(activation, rows).sum(), code)[0]


def balanced_gradient(activation: Tensor, rows: Rows, code: Tensor) -> Tensor:
    """`sum_t w_t g_t / mean|g_t|` with g_t = d a_t / d code, (B, D): every term pulls with the strength of its weight, whatever its scale.

    One backward pass per term, of what is ascended: of a term with a negative weight, -a_t.
    """
    total = torch.zeros_like(code)
    terms = activation.shape[1]
    for t in range(terms):
        ascended = rows.weight[:, t].sign() * activation[:, t]
        gradient = torch.autograd.grad(ascended.sum(), code, retain_graph=t < terms - 1)[0]
        size = gradient.abs().mean(1, keepdim=True)
        total += rows.weight[:, t, None].abs() * gradient / torch.where(size == 0, 1.0, size)
    return total


def standardized_sum(activation: Tensor, rows: Rows) -> Tensor:
    """`sum_t w_t (a_t - mean(a_t)) / std(a_t)`, (B,), the mean and the deviation over all rows: what balanced_gradient is to a gradient."""
    deviation = activation.std(0, unbiased=False)
    return weighted_sum((activation - activation.mean(0)) / torch.where(deviation == 0, 1.0, deviation), rows)


# What each balance ascends, as a number to compare many pictures by: terms' activations (B, T) and rows, B or one -> (B,).
VALUES: dict[Balance, Callable[[Tensor, Rows], Tensor]] = {
    Balance.NONE: weighted_sum,
    Balance.GRADIENT_NORM: standardized_sum,
    Balance.EQUAL_ACTIVATION: equal_activation,
}
Gradient = Callable[[Tensor, Rows, Tensor], Tensor]
GRADIENTS: dict[Balance, Gradient] = {
    Balance.NONE: sum_gradient,
    Balance.GRADIENT_NORM: balanced_gradient,
    Balance.EQUAL_ACTIVATION: equal_activation_gradient,
}
