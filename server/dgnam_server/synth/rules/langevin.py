"""Langevin steps: up the gradient as it is, and a little at random."""

from torch import Tensor

from dgnam_server.synth.noise import normal
from dgnam_server.synth.options import Option
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.rules.rule import Rule


def langevin(code: Tensor, gradient: Tensor, rate: Tensor, noise: Tensor, spread: Tensor) -> Tensor:
    """`code + rate * g + spread * N(0, 1)`, the gradient as it is: once the network is sure, it is small, and the code stays.

    The second and third term of PPGN's step (Nguyen et al. 2017, section 2; there the factors e2 and e3).

    Args:
        code, gradient, noise: (B, D), the noise standard normal.
        rate: (B,), in squared units of the code per unit of what is ascended.
        spread: (B,), in units of the code.
    """
    return code + rate[:, None] * gradient + spread[:, None] * noise


def _move(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    noise = normal(rows.seed, rows.step, rows.code.shape[1])
    return langevin(rows.code, gradient, rows.now("start_learning_rate"), noise, rows.now("langevin_noise")), {}


def _drifts(rows: Rows) -> Tensor:
    return rows.now("langevin_noise") > 0


LANGEVIN = Rule(
    "langevin",
    _move,
    options=(
        Option("langevin_noise", "Standard deviation of the noise that each step adds to the code.", 0.0, 10.0, 0.0),
        Option("end_langevin_noise", "Where that noise ends; it changes linearly.", 0.0, 10.0, None),
    ),
    drifts=_drifts,
)
