"""Where gradients were strong."""

import pytest
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, importance
from dgnam_server.synth.methods import DGN_AM, METHODS
from dgnam_server.synth.rows import concat
from tiny_problems import problem_for, spec_for


def test_magnitudes_add_up_by_hand() -> None:
    before = torch.tensor([[[1.0, 0.0]]])
    gradient = torch.tensor([[[[3.0, 0.0]], [[-1.0, float("nan")]]]])
    assert importance.accumulated(before, gradient).tolist() == [[[3.0, 0.0]]]
    assert importance.share_of_largest(torch.tensor([[1.0, 4.0]])).tolist() == [[0.25, 1.0]]
    assert importance.share_of_largest(torch.zeros(2, 2)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("name", ["normalized", "lucid"])
def test_every_step_adds_the_gradient_at_the_picture(tiny: Catalog, name: str) -> None:
    method = METHODS[name]
    spec = spec_for(method, ("tiny", "fc8", 1), steps=3, redirected_relu_steps=0)
    problem = problem_for(tiny, method, spec)
    rows = ascent.init(problem, spec, 0)
    after, _ = ascent.step(problem, rows)
    first = after.state[importance.NAME]
    assert first.shape == (1, 32, 32) and (first > 0).any()
    again, _ = ascent.step(problem, after)
    assert (again.state[importance.NAME] >= first).all() and (again.state[importance.NAME] > first).any()


def test_a_row_is_the_same_alone_and_in_company(tiny: Catalog) -> None:
    method = METHODS["lucid"]
    specs = [spec_for(method, ("tiny", "fc8", unit), seed=unit, steps=3) for unit in (1, 2)]
    problem = problem_for(tiny, method, *specs)
    mixed, _ = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        alone, _ = ascent.run(problem, ascent.init(problem, spec, 0))
        torch.testing.assert_close(mixed.state[importance.NAME][i], alone.state[importance.NAME][0], rtol=1e-3, atol=1e-6)


def test_a_trained_priors_picture_has_none(tiny: Catalog) -> None:
    spec = spec_for(DGN_AM, ("tiny", "fc8", 1))
    problem = problem_for(tiny, DGN_AM, spec)
    assert importance.NAME not in ascent.init(problem, spec, 0).state
