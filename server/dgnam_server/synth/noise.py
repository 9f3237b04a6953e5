"""Random numbers as pure functions of a row's seed and step, so that neighbours in a batch and their order change nothing."""

import math

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # the golden ratio's odd 64-bit integer, as a signed one


def uniform(seed: Tensor, step: Tensor, stream: int | Tensor) -> Tensor:
    """(B,) float32 in [0, 1); `stream`, below 64, tells the draws of one step apart.

    Args:
        seed, step: (B,) int64.
        stream: of several at once, (N, 1) int64; the result is (N, B) then, with the numbers that each alone gives.
    """
    return _scattered(seed * _GOLDEN + step * 64 + stream)


def normal(seed: Tensor, step: Tensor, count: int) -> Tensor:
    """(B, count) float32, standard normal: `sqrt(-2 ln(1 - u)) cos(2 pi v)` of uniform u and v (Box & Muller 1958).

    Args:
        seed, step: (B,) int64.
        count: numbers per row, below 2^31.
    """
    start = (seed * _GOLDEN + (step << 32))[:, None]
    index = torch.arange(2 * count, device=seed.device)
    u, v = _scattered(start + index).chunk(2, dim=1)
    return (-2 * (1 - u).log()).sqrt() * (2 * math.pi * v).cos()


def _scattered(counter: Tensor) -> Tensor:
    """Float32 in [0, 1): SplitMix64's finalizer (Steele, Lea & Flood 2014) of 64-bit counters."""
    for shift, factor in ((30, -4658895280553007687), (27, -7723592293110705685)):
        counter = (counter ^ _shifted(counter, shift)) * factor
    return _shifted(counter ^ _shifted(counter, 31), 40).float() / 2**24


def _shifted(values: Tensor, bits: int) -> Tensor:
    """A logical shift to the right; torch's own repeats the sign."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)
