"""The plainest of the methods of Pan et al. 2017, written out for one row."""

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from tiny_problems import problem_for, spec_for


def test_normalized_is_the_published_procedure(tiny: Catalog) -> None:
    """Pan et al. 2017, eq. 9, 12 and 13 from noise, written out for one row."""
    method = METHODS["normalized"]
    bare = {"octaves": 0.0, "shift_px": 0.0, "crop": 0.0, "keep_range": 0.0, "end_learning_rate": 0.02}
    spec = spec_for(method, ("tiny", "fc8", 4), seed=5, **bare)
    problem = problem_for(tiny, method, spec)
    rows = ascent.init(problem, spec, 0)
    image, velocity = problem.prior.draw(rows.code), torch.zeros(1, 3, 32, 32)
    for _ in range(8):
        looked = image.detach().requires_grad_()
        tiny.networks["tiny"].logits(looked)[0, 4].backward()
        gradient = looked.grad
        assert gradient is not None
        rows, seen = ascent.step(problem, rows)
        torch.testing.assert_close(seen.image, image, rtol=1e-4, atol=1e-5)
        velocity = 0.9 * velocity + 0.02 * gradient / (gradient.std(unbiased=False) + 1e-12)
        image = image + velocity
