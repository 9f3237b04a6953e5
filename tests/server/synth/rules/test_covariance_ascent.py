"""Steps along the codes' covariance, by hand on two numbers."""

import math

import numpy as np
import torch
from dgnam_models.code_prior import CodePrior
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.rules.covariance_ascent import covariance_ascent
from tiny_problems import problem_for, spec_for

ZERO, FAR = torch.zeros(2), torch.full((2,), 1e6)
TURN = torch.tensor([[0.6, 0.8], [-0.8, 0.6]])


def prior(directions: torch.Tensor | None, *scale: float) -> CodePrior:
    """Codes of two numbers that vary by `scale` along `directions`."""
    scales = torch.tensor(scale)
    return CodePrior(ZERO, -FAR, FAR, directions, scales, torch.zeros_like(scales)[None], np.ones(1), scales)


def test_a_step_by_hand() -> None:
    """C = diag(4, 1): d = C g = (12, 4), of Mahalanobis length ||(6, 4)|| = sqrt(52)."""
    gradient, rate = torch.tensor([[3.0, 4.0]]), torch.tensor([2.0])
    found = covariance_ascent(torch.tensor([[1.0, 1.0]]), gradient, rate, prior(None, 2.0, 1.0))
    torch.testing.assert_close(found, torch.tensor([[1 + 24 / math.sqrt(52), 1 + 8 / math.sqrt(52)]]))


def test_a_step_along_turned_components_has_the_rates_mahalanobis_length() -> None:
    gradient, rate = torch.tensor([[3.0, -4.0], [0.1, 0.0]]), torch.tensor([2.0, 0.5])
    step = covariance_ascent(torch.zeros(2, 2), gradient, rate, prior(TURN, 5.0, 0.5))
    covariance = TURN.T @ torch.diag(torch.tensor([25.0, 0.25])) @ TURN
    along = gradient @ covariance
    torch.testing.assert_close(step / step.norm(dim=1, keepdim=True), along / along.norm(dim=1, keepdim=True))
    torch.testing.assert_close(torch.einsum("bi,ij,bj->b", step, covariance.inverse(), step).sqrt(), rate)


def test_nothing_moves_outside_the_components() -> None:
    step = covariance_ascent(torch.zeros(1, 2), torch.tensor([[1.0, 100.0]]), torch.ones(1), prior(torch.eye(2)[:1], 3.0))
    assert step.tolist() == [[3.0, 0.0]]
    across = covariance_ascent(torch.zeros(1, 2), torch.tensor([[0.0, 7.0]]), torch.ones(1), prior(torch.eye(2)[:1], 3.0))
    assert across.tolist() == [[0.0, 0.0]]


def test_it_raises_its_unit(tiny: Catalog) -> None:
    method = METHODS["dgn-am-covariance"]
    spec = spec_for(method, ("tiny", "fc8", 2), steps=20, start_learning_rate=0.5)
    problem = problem_for(tiny, method, spec)
    rows, _ = ascent.run(problem, ascent.init(problem, spec, 0))
    assert rows.history[0, -1, 0] > rows.history[0, 0, 0] + 0.1
