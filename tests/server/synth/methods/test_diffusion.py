"""Guided denoising against its formula written out, and what makes it another method than the others."""

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.noise import normal
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import SynthesisSpec
from dgnam_server.synth.transforms import centre_crop
from tiny_problems import problem_for, spec_for

METHOD = METHODS["diffusion"]


def spec(unit: int, seed: int = 0, **given: float) -> SynthesisSpec:
    return spec_for(METHOD, ("tiny", "fc8", unit), seed=seed, **({"bound_multiplier": 100.0} | given))


def test_three_steps_are_the_formula(tiny: Catalog) -> None:
    """The mean code becomes a latent of pure noise; then twice `target + s' (sqrt(1 - c) (w - target) / s + sqrt(c) n)`.

    The code that is drawn stays inside its bounds; the gradient goes on as if it had not been clipped.
    """
    ours = spec(3, seed=5, start_learning_rate=2.0, end_learning_rate=2.0, churn=0.3)
    problem, generator, network = problem_for(tiny, METHOD, ours), tiny.generators["tiny-prior"], tiny.networks["tiny"]
    denoiser = generator.denoiser
    assert denoiser is not None
    rows = ascent.init(problem, ours, 0)
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
    specs = [spec(1, seed=1), spec(2, seed=2, churn=0.5), spec(3, seed=3, noise_level=1.0, end_noise_level=0.5)]
    problem = problem_for(tiny, METHOD, specs[0])
    _, together = ascent.run(problem, concat([ascent.init(problem, each, 0) for each in specs]))
    for i, each in enumerate(specs):
        _, alone = ascent.run(problem, ascent.init(problem, each, 0))
        torch.testing.assert_close(together.image[i], alone.image[0], rtol=1e-3, atol=1e-4)


def test_guidance_makes_the_unit_probable_and_seeds_differ(tiny: Catalog) -> None:
    def ending(rate: float, seed: int) -> tuple[float, torch.Tensor]:
        ours = spec(2, seed=seed, steps=30, churn=0.0, start_learning_rate=rate, end_learning_rate=rate)
        problem = problem_for(tiny, METHOD, ours)
        rows, seen = ascent.run(problem, ascent.init(problem, ours, 0))
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
    start = denoiser.decode(wanted).float()

    def distance(noise: float) -> float:
        ours = spec(2, noise_level=noise, end_noise_level=0.01, start_learning_rate=0.0, end_learning_rate=0.0)
        problem = problem_for(tiny, METHOD, ours)
        _, seen = ascent.run(problem, ascent.init(problem, ours, 0, start))
        return float((seen.code - start).norm())

    assert distance(0.02) < 0.5 * distance(10.0)
