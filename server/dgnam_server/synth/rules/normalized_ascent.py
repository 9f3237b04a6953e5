"""Normalized ascent: steps of one size, whatever the gradient's."""

from torch import Tensor

from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.rules.rule import Rule


def normalized_ascent(code: Tensor, gradient: Tensor, rate: Tensor) -> Tensor:
    """`code + rate * g / mean|g|`, the mean over this row's code units only (released script of Nguyen et al. 2016).

    Args:
        code, gradient: (B, D).
        rate: (B,), in units of the code.
    """
    size = gradient.abs().mean(1, keepdim=True)  # (B, 1); a zero leads to NaN, which the caller keeps out
    return code + rate[:, None] * gradient / size


def _move(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    return normalized_ascent(rows.code, gradient, rows.now("start_learning_rate")), {}


NORMALIZED_ASCENT = Rule("normalized-ascent", _move)
