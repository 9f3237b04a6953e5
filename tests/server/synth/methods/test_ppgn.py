"""PPGN against its formula written out, and what makes it another method than dgn-am."""

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.noise import normal
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import SynthesisSpec
from dgnam_server.synth.transforms import centre_crop
from tiny_problems import problem_for, spec_for

METHOD = METHODS["ppgn"]


def spec(unit: int, seed: int = 0, **given: float) -> SynthesisSpec:
    return spec_for(METHOD, ("tiny", "fc8", unit), seed=seed, **({"steps": 6} | given))


def test_two_steps_are_the_formula(tiny: Catalog) -> None:
    """`h + e1 (E(G(h)) - h) + e2 d log p(c | G(h)) / dh + e3 N(0, 1)`, then kept inside the bounds."""
    ours = spec(3, seed=5, reconstruction_weight=0.2, start_learning_rate=2.0, end_learning_rate=2.0, langevin_noise=0.3)
    problem, generator, encoder = problem_for(tiny, METHOD, ours), tiny.generators["tiny-prior"], tiny.networks["tiny"]
    assert generator.card.code is not None
    rows = ascent.init(problem, ours, 0)
    bound = generator.code_mean + 3 * generator.code_std
    for step in range(2):
        code = rows.code.clone().requires_grad_()
        image = generator(code)
        seen = encoder.activations(centre_crop(image, encoder.input_size), [generator.card.code.tap, "fc8"])
        gradient = torch.autograd.grad(seen["fc8"].log_softmax(1)[0, 3], code)[0]
        noise = 0.3 * (1 - step / 6) * normal(torch.tensor([5]), torch.tensor([step]), code.shape[1])
        moved = code + 0.2 * (seen[generator.card.code.tap].flatten(1) - code) + 2 * gradient + noise
        expected = moved.detach().clamp(min=0).minimum(bound)
        rows, _ = ascent.step(problem, rows)
        torch.testing.assert_close(rows.code, expected)


def test_a_row_alone_equals_the_row_in_a_mixed_batch(tiny: Catalog) -> None:
    specs = [spec(1, seed=1), spec(2, seed=2, langevin_noise=0.5), spec(3, seed=3, reconstruction_weight=0.5)]
    problem = problem_for(tiny, METHOD, specs[0])
    _, together = ascent.run(problem, concat([ascent.init(problem, each, 0) for each in specs]))
    for i, each in enumerate(specs):
        _, alone = ascent.run(problem, ascent.init(problem, each, 0))
        torch.testing.assert_close(together.image[i], alone.image[0], rtol=1e-3, atol=1e-4)


def test_it_makes_the_unit_probable(tiny: Catalog) -> None:
    ours = spec(2, steps=30, reconstruction_weight=0.0, langevin_noise=0.0)  # a network that was never trained has faint slopes
    problem = problem_for(tiny, METHOD, ours)
    rows, _ = ascent.run(problem, ascent.init(problem, ours, 0))
    history = rows.history[0, :, 0]
    assert (history <= 0).all(), "logarithms of probabilities"
    assert history[-1] > history[0] + 0.2
