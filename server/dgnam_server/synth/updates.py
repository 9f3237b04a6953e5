"""Update rules: where the code goes, given its gradient. Each may keep state of the code's shape between steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dgnam_server.synth.noise import normal
from dgnam_server.synth.rows import Rows

State = Mapping[str, Tensor]


def normalized_ascent(code: Tensor, gradient: Tensor, rate: Tensor) -> Tensor:
    """`code + rate * g / mean|g|`, the mean over this row's code units only (released script of Nguyen et al. 2016).

    Args:
        code, gradient: (B, D).
        rate: (B,), in units of the code.
    """
    size = gradient.abs().mean(1, keepdim=True)  # (B, 1); a zero leads to NaN, which the caller keeps out
    return code + rate[:, None] * gradient / size


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


def adam(
    code: Tensor, gradient: Tensor, rate: Tensor, mean: Tensor, square: Tensor, step: Tensor, betas: tuple[float, float] = (0.9, 0.999)
) -> tuple[Tensor, Tensor, Tensor]:
    """Adam, upwards (Kingma & Ba 2014, algorithm 1, with its constants).

        m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
        x <- x + alpha * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8)

    Args:
        code, gradient, mean, square: (B, D).
        rate: (B,).
        step: (B,), steps done before this one.

    Returns:
        The new code, mean and square.
    """
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient.square()
    unbiased = mean / (1 - betas[0] ** (step[:, None] + 1))
    size = (square / (1 - betas[1] ** (step[:, None] + 1))).sqrt() + 1e-8
    return code + rate[:, None] * unbiased / size, mean, square


def langevin(code: Tensor, gradient: Tensor, rate: Tensor, noise: Tensor, spread: Tensor) -> Tensor:
    """`code + rate * g + spread * N(0, 1)`, the gradient as it is: once the network is sure, it is small, and the code stays.

    The second and third term of PPGN's step (Nguyen et al. 2017, section 2; there the factors e2 and e3).

    Args:
        code, gradient, noise: (B, D), the noise standard normal.
        rate: (B,), in squared units of the code per unit of what is ascended.
        spread: (B,), in units of the code.
    """
    return code + rate[:, None] * gradient + spread[:, None] * noise


@dataclass(frozen=True)
class Rule:
    """An update rule as the loop uses it: `move` gives the new code and the new state, which has the entries `state`."""

    move: Callable[[Rows, Tensor], tuple[Tensor, State]]
    state: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def _normalized(rows: Rows, gradient: Tensor) -> tuple[Tensor, State]:
    return normalized_ascent(rows.code, gradient, rows.now("start_learning_rate")), {}


def _momentum(rows: Rows, gradient: Tensor) -> tuple[Tensor, State]:
    rate, momentum = rows.now("start_learning_rate"), rows.now("momentum")
    code, velocity = momentum_ascent(rows.code, gradient, rate, rows.state["velocity"], momentum)
    return code, {"velocity": velocity}


def _adam(rows: Rows, gradient: Tensor) -> tuple[Tensor, State]:
    rate = rows.now("start_learning_rate")
    code, mean, square = adam(rows.code, gradient, rate, rows.state["mean"], rows.state["square"], rows.step)
    return code, {"mean": mean, "square": square}


def _langevin(rows: Rows, gradient: Tensor) -> tuple[Tensor, State]:
    noise = normal(rows.seed, rows.step, rows.code.shape[1])
    return langevin(rows.code, gradient, rows.now("start_learning_rate"), noise, rows.now("langevin_noise")), {}


RULES: dict[str, Rule] = {
    "normalized-ascent": Rule(_normalized),
    "momentum-ascent": Rule(_momentum, ("velocity",), ("momentum",)),
    "adam": Rule(_adam, ("mean", "square")),
    "langevin": Rule(_langevin, options=("langevin_noise", "end_langevin_noise")),
}


def fresh_state(rule: str, code: Tensor) -> dict[str, Tensor]:
    """What a rule remembers before the first step: zeros like the code."""
    return {name: torch.zeros_like(code) for name in RULES[rule].state}
