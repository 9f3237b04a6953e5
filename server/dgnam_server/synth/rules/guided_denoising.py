"""Guided denoising: a diffusion model of photographs' codes takes the noise out of a code, and a classifier leads it."""

from typing import cast

import torch
from dgnam_models.nets.denoiser import Denoiser
from torch import Tensor

from dgnam_server.synth.noise import normal
from dgnam_server.synth.options import Option
from dgnam_server.synth.priors import GENERATOR, GeneratorPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.rules.rule import Rule


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


def _move(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    """The first step turns the code that a row starts from into a latent, and adds the noise; a gradient has no part in it."""
    denoiser = _denoiser(problem)
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


def _drifts(rows: Rows) -> Tensor:
    """Noise is taken out of every row, whether or not a classifier leads it."""
    return torch.ones_like(rows.step, dtype=torch.bool)


def _no_latent(problem: Problem, code: Tensor) -> State:
    return {"latent": code.new_zeros(1, _denoiser(problem).components)}


def _mean_code(problem: Problem) -> Tensor:
    """The rule adds the noise itself."""
    return cast(GeneratorPrior, problem.prior).generator.code_mean[None].clone()


def _denoiser(problem: Problem) -> Denoiser:
    denoiser = cast(GeneratorPrior, problem.prior).generator.denoiser
    assert denoiser is not None
    return denoiser


GUIDED_DENOISING = Rule(
    "guided-denoising",
    _move,
    options=(
        Option("noise_level", "Noise that a row starts with, in standard deviations of photographs' codes.", 0.01, 100.0, 10.0),
        Option("end_noise_level", "The noise level that the row falls to.", 0.01, 100.0, 0.1),
        Option("churn", "How much of the noise is replaced by new at each step, as a share of its variance.", 0.0, 1.0, 0.0),
    ),
    priors=(GENERATOR,),
    needs=("denoiser",),
    drifts=_drifts,
    state=_no_latent,
    start=_mean_code,
)
