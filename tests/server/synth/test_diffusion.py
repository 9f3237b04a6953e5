"""Guided denoising against its formula written out, and what makes it another method than the others."""

import numpy as np
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, updates
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.noise import normal
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, Start, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

METHOD = METHODS["diffusion"]


NOWHERE = Start()


def spec_for(unit: int, seed: int = 0, start: Start = NOWHERE, **settings: float) -> SynthesisSpec:
    values = {option.name: option.default for option in METHOD.options} | {"steps": 8, "bound_multiplier": 100.0} | settings
    term = Term(Unit("tiny", "fc8", unit), readout=METHOD.readout)
    return SynthesisSpec((term,), Balance.NONE, "tiny-prior", METHOD.name, values, seed, start=start)  # type: ignore[arg-type]


def problem_for(catalog: Catalog, spec: SynthesisSpec) -> Problem:
    prior = GeneratorPrior(catalog.generators["tiny-prior"], catalog.networks["tiny"])
    return Problem(prior, (catalog.networks["tiny"],), sources(spec), spec.balance, METHOD.structure(spec.settings), centre_crop)


def test_noise_levels_fall_from_the_first_to_the_last_drawn() -> None:
    steps, one = torch.full((6,), 7), torch.ones(6)
    found = updates.noise_level(10 * one, 0.1 * one, torch.arange(1, 7), steps)
    expected = torch.linspace(10 ** (1 / 5), 0.1 ** (1 / 5), 6) ** 5
    torch.testing.assert_close(found, expected)
    lone = torch.tensor([1])
    assert updates.noise_level(one[:1], one[:1], lone, lone).item() == 1, "no more than one step"


def test_three_steps_are_the_formula(tiny: Catalog) -> None:
    """The mean code becomes a latent of pure noise; then twice `target + s' (sqrt(1 - c) (w - target) / s + sqrt(c) n)`.

    The code that is drawn stays inside its bounds; the gradient goes on as if it had not been clipped.
    """
    spec = spec_for(3, seed=5, start_learning_rate=2.0, end_learning_rate=2.0, churn=0.3)
    problem, generator, network = problem_for(tiny, spec), tiny.generators["tiny-prior"], tiny.networks["tiny"]
    denoiser = generator.denoiser
    assert denoiser is not None
    rows = ascent.init(problem, spec, 0)
    torch.testing.assert_close(rows.code, generator.code_mean[None])
    bound = generator.code_mean + 100 * generator.code_std
    levels = (torch.linspace(10 ** (1 / 5), 0.1 ** (1 / 5), 7) ** 5).double()
    noise = [normal(torch.tensor([5]), torch.tensor([step]), 6).double() for step in range(3)]
    latent = denoiser.encode(generator.code_mean[None].double()) + levels[0] * noise[0]
    rows, _ = ascent.step(problem, rows)
    for i in (0, 1):
        torch.testing.assert_close(rows.state["latent"], latent.float())
        w = latent.requires_grad_()
        target = denoiser(w, levels[i : i + 1])
        code = denoiser.decode(target).detach().float().minimum(bound).requires_grad_()
        torch.testing.assert_close(rows.code, code)
        logits = network.logits(centre_crop(generator(code), network.input_size))
        gradient = torch.autograd.grad(logits.log_softmax(1)[0, 3], code)[0]
        pull = torch.autograd.grad(denoiser.decode(target), w, gradient.double())[0]
        target = target.detach() + 2 * levels[i] ** 2 * pull
        stirred = 0.7**0.5 * (w.detach() - target) / levels[i] + 0.3**0.5 * noise[i + 1]
        latent = target + levels[i + 1] * stirred
        rows, _ = ascent.step(problem, rows)


def test_a_row_alone_equals_the_row_in_a_mixed_batch(tiny: Catalog) -> None:
    specs = [spec_for(1, seed=1), spec_for(2, seed=2, churn=0.5), spec_for(3, seed=3, noise_level=1.0, end_noise_level=0.5)]
    problem = problem_for(tiny, specs[0])
    _, together = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        _, alone = ascent.run(problem, ascent.init(problem, spec, 0))
        torch.testing.assert_close(together.image[i], alone.image[0], rtol=1e-3, atol=1e-4)


def test_guidance_makes_the_unit_probable_and_seeds_differ(tiny: Catalog) -> None:
    def ending(rate: float, seed: int) -> tuple[float, torch.Tensor]:
        spec = spec_for(2, seed=seed, steps=30, churn=0.0, start_learning_rate=rate, end_learning_rate=rate)
        problem = problem_for(tiny, spec)
        rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
        assert (rows.history <= 0).all(), "logarithms of probabilities"
        return rows.history[0, -1, 0].item(), seen.code[0]

    for seed in (0, 1):  # a network that was never trained has faint slopes
        assert ending(100.0, seed)[0] > ending(0.0, seed)[0] + 0.1
    first, second = (ending(100.0, seed)[1] for seed in (0, 1))
    assert (first - second).abs().max() > 0.1 * first.abs().max()


def test_with_little_noise_a_row_stays_near_the_code_it_starts_from(tiny: Catalog) -> None:
    denoiser = tiny.generators["tiny-prior"].denoiser
    assert denoiser is not None
    wanted = torch.randn(1, 6, generator=torch.Generator().manual_seed(0)).double()
    start = Start(code=denoiser.decode(wanted)[0].numpy().astype(np.float32))

    def distance(noise: float) -> float:
        spec = spec_for(2, start=start, noise_level=noise, end_noise_level=0.01, start_learning_rate=0.0, end_learning_rate=0.0)
        problem = problem_for(tiny, spec)
        assert spec.start.code is not None
        _, seen = ascent.run(problem, ascent.init(problem, spec, 0, torch.from_numpy(spec.start.code)[None]))
        return float((seen.code[0] - torch.from_numpy(spec.start.code)).norm())

    assert distance(0.02) < 0.5 * distance(10.0)
