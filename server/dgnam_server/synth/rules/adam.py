"""Adam, upwards: every value of the code moves by about the learning rate."""

import torch
from torch import Tensor

from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.rules.rule import Rule


def adam(
    code: Tensor, gradient: Tensor, rate: Tensor, mean: Tensor, square: Tensor, step: Tensor, betas: tuple[float, float] = (0.9, 0.999)
) -> tuple[Tensor, Tensor, Tensor]:
    """One step (Kingma & Ba 2014, algorithm 1, with its constants):

        m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
        x <- x + alpha * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8)

    Args:
        code, gradient, mean, square: (B, D).
        rate: (B,).
        step: (B,), steps done before this one.

    Returns:
        The new code, mean and square.
    """
    mean = (betas[0] * mean).add_(gradient, alpha=1 - betas[0])
    square = (betas[1] * square).addcmul_(gradient, gradient, value=1 - betas[1])
    length = rate / (1 - betas[0] ** (step + 1))  # one number per row, so that no more than these passes are over the code
    size = (square / (1 - betas[1] ** (step[:, None] + 1))).sqrt_().add_(1e-8)
    return torch.addcdiv(code, length[:, None] * mean, size), mean, square


def _move(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    rate = rows.now("start_learning_rate")
    code, mean, square = adam(rows.code, gradient, rate, rows.state["mean"], rows.state["square"], rows.step)
    return code, {"mean": mean, "square": square}


def _no_moments(problem: Problem, code: Tensor) -> State:
    return {"mean": torch.zeros_like(code), "square": torch.zeros_like(code)}


def _drifts(rows: Rows) -> Tensor:
    return rows.state["mean"].abs().amax(1) != 0


ADAM = Rule("adam", _move, drifts=_drifts, state=_no_moments)
