"""Ascent with momentum: a step keeps a share of the one before it."""

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.rules.rule import Rule


def momentum_ascent(code: Tensor, gradient: Tensor, rate: Tensor, velocity: Tensor, momentum: Tensor) -> tuple[Tensor, Tensor]:
    """`V <- mu V + alpha g`, `x <- x + V` (Pan et al. 2017, eq. 12 and 13; there minus, because they descend the loss).

    Args:
        code, gradient, velocity: (B, D).
        rate, momentum: (B,).

    Returns:
        The new code and velocity.
    """
    velocity = momentum[:, None] * velocity + rate[:, None] * gradient
    return code + velocity, velocity


def _move(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    rate, momentum = rows.now("start_learning_rate"), rows.now("momentum")
    code, velocity = momentum_ascent(rows.code, gradient, rate, rows.state["velocity"], momentum)
    return code, {"velocity": velocity}


def _drifts(rows: Rows) -> Tensor:
    return (rows.settings["momentum"] > 0) & (rows.state["velocity"].abs().amax(1) != 0)


def _at_rest(problem: Problem, code: Tensor) -> State:
    return {"velocity": torch.zeros_like(code)}


MOMENTUM_ASCENT = Rule(
    "momentum-ascent",
    _move,
    options=(Option("momentum", "Share of the last step that the next one keeps (Pan et al. 2017, eq. 12).", 0.0, 0.999, 0.9),),
    drifts=_drifts,
    state=_at_rest,
)
