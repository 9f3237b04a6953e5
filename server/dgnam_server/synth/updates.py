"""Update rules: where the code goes, given its gradient. Each may keep state of the code's shape between steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from dgnam_models.nets.denoiser import Denoiser
from torch import Tensor

from dgnam_server.synth.noise import normal
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem
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


def noise_level(most: Tensor, least: Tensor, step: Tensor, steps: Tensor) -> Tensor:
    """The noise level of a step, (B,): from `most` at step 1 down to `least` at the last, closer to each other where they are small.

    `(most^(1/5) + i / n (least^(1/5) - most^(1/5)))^5` (Karras et al. 2022, arXiv 2206.00364, eq. 5, with 5 in place of 7).
    """
    share = ((step - 1) / (steps - 2).clamp(min=1)).clamp(0, 1)
    level: Tensor = (most ** (1 / 5) + share * (least ** (1 / 5) - most ** (1 / 5))) ** 5
    return level


def guided_denoising(
    latent: Tensor, gradient: Tensor, rate: Tensor, levels: tuple[Tensor, Tensor], churn: Tensor, noise: Tensor, denoiser: Denoiser
) -> Tensor:
    """One step of a diffusion model from noise of standard deviation s to s', guided by a classifier.

        target = D(w, s) + rate * s^2 * d log p(c | G(decode(D(w, s)))) / dw
        w      <- target + s' (sqrt(1 - churn) (w - target) / s + sqrt(churn) N(0, 1))

    The score of the codes' density and the gradient add up (Dhariwal & Nichol 2021, arXiv 2105.05233, section 4); the classifier sees
    what the latent will probably become, in place of the noisy one (Chung et al. 2023, arXiv 2209.14687, eq. 14). The step is that of
    Song, Meng & Ermon 2021 (arXiv 2010.02502, eq. 12); churn is the share of the noise's variance that is new.

    Args:
        latent: w, (B, K).
        gradient: d log p / d code, (B, D), at `decode(D(w, s))`.
        rate: (B,); 1 is the score itself, more exaggerates.
        levels: s and s', (B,) each.
        churn: (B,) from 0 to 1.
        noise: (B, K), standard normal.
    """
    level, following = (each[:, None] for each in levels)
    with torch.enable_grad():
        latent = latent.detach().requires_grad_()
        target = denoiser(latent, levels[0])
        (pull,) = torch.autograd.grad(denoiser.decode(target), latent, gradient)
    latent, target = latent.detach(), target.detach() + rate[:, None] * level.square() * pull
    kept, new = (1 - churn).sqrt()[:, None], churn.sqrt()[:, None]
    moved: Tensor = target + following * (kept * (latent - target) / level + new * noise)
    return moved


@dataclass(frozen=True)
class Rule:
    """An update rule as the loop uses it: `move` gives the new code and the new state.

    Attributes:
        state: entries like the code, (B, D); `latents`: like the latents of the prior's denoiser, (B, K).
        options: what it reads off the rows.
    """

    move: Callable[[Rows, Tensor, Problem], tuple[Tensor, State]]
    state: tuple[str, ...] = ()
    latents: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def _normalized(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    return normalized_ascent(rows.code, gradient, rows.now("start_learning_rate")), {}


def _momentum(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    rate, momentum = rows.now("start_learning_rate"), rows.now("momentum")
    code, velocity = momentum_ascent(rows.code, gradient, rate, rows.state["velocity"], momentum)
    return code, {"velocity": velocity}


def _adam(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    rate = rows.now("start_learning_rate")
    code, mean, square = adam(rows.code, gradient, rate, rows.state["mean"], rows.state["square"], rows.step)
    return code, {"mean": mean, "square": square}


def _langevin(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    noise = normal(rows.seed, rows.step, rows.code.shape[1])
    return langevin(rows.code, gradient, rows.now("start_learning_rate"), noise, rows.now("langevin_noise")), {}


def _guided_denoising(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    """The first step turns the code that a row starts from into a latent, and adds the noise; a gradient has no part in it."""
    denoiser = denoiser_of(problem)
    code, latent, gradient = (values.to(denoiser.mean.dtype) for values in (rows.code, rows.state["latent"], gradient))
    most, least = (rows.settings[name].to(code.dtype) for name in ("noise_level", "end_noise_level"))
    level, following = (noise_level(most, least, step, rows.steps) for step in (rows.step, rows.step + 1))
    noise = normal(rows.seed, rows.step, denoiser.components).to(code.dtype)
    rate, churn = rows.now("start_learning_rate"), rows.now("churn")
    begun = denoiser.encode(code) + following[:, None] * noise
    latent = torch.where(
        (rows.step == 0)[:, None], begun, guided_denoising(latent, gradient, rate, (level, following), churn, noise, denoiser)
    )
    return denoiser.decode(denoiser(latent, following)).to(rows.code.dtype), {"latent": latent.to(rows.code.dtype)}


def denoiser_of(problem: Problem) -> Denoiser:
    """That of the prior, which has one: a request for another is refused."""
    denoiser = cast(GeneratorPrior, problem.prior).generator.denoiser
    assert denoiser is not None
    return denoiser


RULES: dict[str, Rule] = {
    "normalized-ascent": Rule(_normalized),
    "momentum-ascent": Rule(_momentum, ("velocity",), options=("momentum",)),
    "adam": Rule(_adam, ("mean", "square")),
    "langevin": Rule(_langevin, options=("langevin_noise", "end_langevin_noise")),
    "guided-denoising": Rule(_guided_denoising, latents=("latent",), options=("noise_level", "end_noise_level", "churn")),
}


def fresh_state(problem: Problem, code: Tensor) -> dict[str, Tensor]:
    """What the problem's rule remembers before the first step of a row with this code (1, D): zeros."""
    rule = RULES[problem.structure.rule]
    latents = {name: code.new_zeros(1, denoiser_of(problem).components) for name in rule.latents}
    return {name: torch.zeros_like(code) for name in rule.state} | latents
