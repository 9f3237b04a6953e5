"""PPGN against its formula written out, and what makes it another method than dgn-am."""

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.noise import normal
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

METHOD = METHODS["ppgn"]


def spec_for(unit: int, seed: int = 0, **settings: float) -> SynthesisSpec:
    values = {option.name: option.default for option in METHOD.options} | {"steps": 6} | settings
    term = Term(Unit("tiny", "fc8", unit), readout=METHOD.readout)
    return SynthesisSpec((term,), Balance.NONE, "tiny-prior", "ppgn", values, seed)  # type: ignore[arg-type]


def problem_for(catalog: Catalog, spec: SynthesisSpec) -> Problem:
    prior = GeneratorPrior(catalog.generators["tiny-prior"], catalog.networks["tiny"])
    return Problem(prior, (catalog.networks["tiny"],), sources(spec), spec.balance, METHOD.structure(spec.settings), centre_crop)


def test_two_steps_are_the_formula(tiny: Catalog) -> None:
    """`h + e1 (E(G(h)) - h) + e2 d log p(c | G(h)) / dh + e3 N(0, 1)`, then kept inside the bounds."""
    spec = spec_for(3, seed=5, reconstruction_weight=0.2, start_learning_rate=2.0, end_learning_rate=2.0, langevin_noise=0.3)
    problem, generator, encoder = problem_for(tiny, spec), tiny.generators["tiny-prior"], tiny.networks["tiny"]
    assert generator.card.code is not None
    rows = ascent.init(problem, spec, 0)
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
    specs = [spec_for(1, seed=1), spec_for(2, seed=2, langevin_noise=0.5), spec_for(3, seed=3, reconstruction_weight=0.5)]
    problem = problem_for(tiny, specs[0])
    _, together = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        _, alone = ascent.run(problem, ascent.init(problem, spec, 0))
        torch.testing.assert_close(together.image[i], alone.image[0], rtol=1e-3, atol=1e-4)


def test_it_makes_the_unit_probable(tiny: Catalog) -> None:
    spec = spec_for(2, steps=30, reconstruction_weight=0.0, langevin_noise=0.0)  # a network that was never trained has faint slopes
    problem = problem_for(tiny, spec)
    rows, _ = ascent.run(problem, ascent.init(problem, spec, 0))
    history = rows.history[0, :, 0]
    assert (history <= 0).all(), "logarithms of probabilities"
    assert history[-1] > history[0] + 0.2
