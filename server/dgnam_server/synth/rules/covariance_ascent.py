"""Covariance ascent: steps of one Mahalanobis length, in the directions in which photographs' codes vary."""

from typing import cast

import torch
from dgnam_models.code_prior import CodePrior
from torch import Tensor

from dgnam_server.synth.priors import GENERATOR, GeneratorPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.rules.rule import Rule


def covariance_ascent(code: Tensor, gradient: Tensor, rate: Tensor, prior: CodePrior) -> Tensor:
    """`code + rate * d / ||w^-1/2 V d||` with `d = C g`, C = V^T diag(w) V the codes' covariance along their principal components.

    The steepest ascent where lengths are Mahalanobis lengths (Boyd & Vandenberghe 2004, section 9.4.1): with u = w^1/2 V g the step is
    `rate * V^T w^1/2 u / ||u||`.

    Args:
        code, gradient: (B, D).
        rate: (B,), the step's Mahalanobis length: 1 is one standard deviation, in whatever direction.
    """
    u = prior.whitened(gradient)
    length = u.norm(dim=1, keepdim=True)
    return code + prior.coloured(rate[:, None] * u / torch.where(length == 0, 1.0, length))  # 0: across all components


def _move(rows: Rows, gradient: Tensor, problem: Problem) -> tuple[Tensor, State]:
    prior = cast(GeneratorPrior, problem.prior).code_prior
    return covariance_ascent(rows.code, gradient, rows.now("start_learning_rate"), prior), {}


COVARIANCE_ASCENT = Rule("covariance-ascent", _move, priors=(GENERATOR,))
