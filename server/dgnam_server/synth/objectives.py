"""What is ascended: reading units off activations, and bringing several terms together into one gradient per row."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Balance, Readout


def term_activations(found: Sequence[Tensor | None], rows: Rows, otherwise: Tensor | None = None) -> Tensor:
    """Each row's terms, (B, T) float32.

    A unit of a convolutional tap (B, C, H, W) is read at its position, or as the mean over its map; of a fully connected one (B, C)
    as it is, or as `softmax(tap)_unit` (Nguyen et al. 2016, S7), or as that one's logarithm. Terms that read a whole tap: see `along` and
    `likeness`.

    Args:
        found: the activations of each source, before their ReLU.
        otherwise: (B, T), for terms of sources that are None.
    """
    total = torch.zeros_like(rows.weight) if otherwise is None else otherwise
    for number, tap in enumerate(found):
        if tap is not None:
            total = torch.where(rows.source == number, _read(tap.float(), rows), total)
    return total


def along(activation: Tensor, direction: Tensor) -> Tensor:
    """`sum_c v_c a_c`, (B, T): how far the activations go in a direction; with v a class's weights it is that class's logit.

    Args:
        activation: a, (B, T, C).
        direction: v, of the same shape.
    """
    return (activation * direction).sum(2)


def likeness(activation: Tensor, wanted: Tensor) -> Tensor:
    """`-||phi(x) - phi_0||^2 / ||phi_0||^2`, (B, T) (Pan et al. 2017, eq. 4, negative because we ascend); 0 where the two are equal.

    Args:
        activation: phi(x), (B, N).
        wanted: phi_0, (B, T, N); the distance to zeros is not divided.
    """
    length = wanted.square().sum(2)
    return -(activation[:, None] - wanted).square().sum(2) / torch.where(length > 0, length, 1.0)


def _read(tap: Tensor, rows: Rows) -> Tensor:
    read = _read_map(tap, rows) if tap.ndim == 4 else _read_vector(tap, rows)
    if not rows.vector.shape[2]:
        return read
    read = torch.where(rows.reads(Readout.DIRECTION), along(_channels(tap, rows), _cut(rows.vector, tap.shape[1])), read)
    flat = tap.flatten(1)
    return torch.where(rows.reads(Readout.FEATURES), likeness(flat, _cut(rows.vector, flat.shape[1])), read)


def _read_vector(tap: Tensor, rows: Rows) -> Tensor:
    unit = rows.unit.clamp(max=tap.shape[1] - 1)  # terms of other sources are read too, and then not taken
    read = torch.where(rows.reads(Readout.PROBABILITY), tap.softmax(1).gather(1, unit), tap.gather(1, unit))
    return torch.where(rows.reads(Readout.LOG_PROBABILITY), tap.log_softmax(1).gather(1, unit), read)


def _read_map(tap: Tensor, rows: Rows) -> Tensor:
    unit = rows.unit.clamp(max=tap.shape[1] - 1)
    maps = tap[torch.arange(len(tap), device=tap.device)[:, None], unit].flatten(2)  # (B, T, H * W)
    return torch.where(rows.y < 0, maps.mean(2), maps.gather(2, _position(tap, rows)[..., None]).squeeze(2))


def _channels(tap: Tensor, rows: Rows) -> Tensor:
    """Every channel as each term reads it, at its position or as the mean over the map, (B, T, C); of a fully connected tap every unit."""
    if tap.ndim == 2:
        return tap[:, None].expand(-1, rows.unit.shape[1], -1)
    maps = tap.flatten(2).transpose(1, 2)  # (B, H * W, C)
    at = maps.gather(1, _position(tap, rows)[..., None].expand(-1, -1, maps.shape[2]))
    return torch.where((rows.y < 0)[..., None], maps.mean(1, keepdim=True), at)


def _position(tap: Tensor, rows: Rows) -> Tensor:
    """Each term's place in a flattened map, (B, T); any where it has none, or belongs to another source."""
    height, width = tap.shape[2:]
    return (rows.y * width + rows.x).clamp(0, height * width - 1)


def _cut(vector: Tensor, length: int) -> Tensor:
    """(B, T, L) -> (B, T, length): without the zeros that fill it up, or with more of them."""
    return pad(vector, (0, length - vector.shape[2]))


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

    One backward pass per term.
    """
    total = torch.zeros_like(code)
    terms = activation.shape[1]
    for t in range(terms):
        gradient = torch.autograd.grad(activation[:, t].sum(), code, retain_graph=t < terms - 1)[0]
        size = gradient.abs().mean(1, keepdim=True)
        total += rows.weight[:, t, None] * gradient / torch.where(size == 0, 1.0, size)
    return total


Gradient = Callable[[Tensor, Rows, Tensor], Tensor]
GRADIENTS: dict[Balance, Gradient] = {
    Balance.NONE: sum_gradient,
    Balance.GRADIENT_NORM: balanced_gradient,
    Balance.EQUAL_ACTIVATION: equal_activation_gradient,
}
