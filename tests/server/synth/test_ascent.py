"""DGN-AM against an independent plain transcription of the published procedure, and the rules every row obeys."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dgnam_server import catalog
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, Readout, Start, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

SETTINGS = DGN_AM.settings({"steps": 12, "start_learning_rate": 0.5})


def spec_for(*units: tuple[str, str, int], seed: int = 0, balance: Balance = Balance.NONE, **settings: float) -> SynthesisSpec:
    terms = tuple(Term(Unit(*unit)) for unit in units)
    return SynthesisSpec(terms, balance, "tiny-prior", "dgn-am", SETTINGS | settings, seed)


def problem_for(catalog: Catalog, *specs: SynthesisSpec) -> Problem:
    taps = tuple(sorted({source for spec in specs for source in sources(spec)}))
    networks = tuple(catalog.networks[name] for name in sorted({model for model, _ in taps}))
    prior = GeneratorPrior(catalog.generators["tiny-prior"])
    return Problem(prior, networks, taps, specs[0].balance, DGN_AM.structure(specs[0].settings), centre_crop)


def published_procedure(
    catalog: Catalog, unit: int, seed: int, n: int, start_lr: float, end_lr: float
) -> tuple[list[np.ndarray], list[float], np.ndarray]:
    """The released script's loop for one unit of fc8, step by step, as plainly as can be: codes, activations, last picture."""
    generator, network = catalog.generators["tiny-prior"], catalog.networks["tiny"]
    code_card = generator.card.code
    upper = np.array(code_card.mean, dtype=np.float32) + 3 * np.array(code_card.std, dtype=np.float32)
    code = np.random.default_rng(seed).standard_normal((1, len(upper)), dtype=np.float32)
    codes, activations = [], []
    for i in range(n):
        lr = start_lr + (end_lr - start_lr) * i / n
        y = torch.tensor(code, requires_grad=True)
        picture = generator(y)
        top = (picture.shape[2] - 32) // 2
        left = (picture.shape[3] - 32) // 2
        seen = picture[:, :, top : top + 32, left : left + 32]
        act = network.logits(seen)[0, unit]
        act.backward()
        g = y.grad.numpy()
        codes.append(code[0].copy())
        activations.append(act.item())
        code = code + lr * g / np.abs(g).mean()
        code = np.minimum(np.maximum(code, 0), upper)
        code = code * 0.99
    return codes, activations, seen.detach().numpy()[0]


@pytest.mark.parametrize("unit", [0, 2, 6])
@pytest.mark.parametrize("seed", [0, 7])
def test_default_method_is_the_published_procedure(tiny: Catalog, unit: int, seed: int) -> None:
    codes, activations, picture = published_procedure(tiny, unit, seed, 12, 0.5, 1e-10)
    spec = spec_for(("tiny", "fc8", unit), seed=seed)
    problem = problem_for(tiny, spec)
    rows = ascent.init(problem, spec, 0)
    for i in range(12):
        np.testing.assert_allclose(rows.code[0].numpy(), codes[i], rtol=1e-4, atol=1e-5, err_msg=f"code before step {i}")
        rows, seen = ascent.step(problem, rows)
    assert ascent.finished(rows).all()
    np.testing.assert_allclose(rows.history[0, :, 0].numpy(), activations, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(seen.image[0].numpy(), picture, rtol=1e-4, atol=1e-5)
    assert len({round(value, 6) for value in activations}) > 6, "the trajectory must move, or nothing was compared"


def test_a_row_alone_equals_the_row_in_a_mixed_batch(tiny: Catalog) -> None:
    specs = [
        spec_for(("tiny", "fc8", 1), seed=1),
        spec_for(("tiny", "fc8", 2), ("tiny", "conv3", 4), seed=2, start_learning_rate=0.2),
        spec_for(("tiny-res", "fc", 0), ("tiny", "fc6", 3), ("tiny", "fc8", 3), seed=3, decay=0.1, bound_multiplier=1.0),
    ]
    mixed = problem_for(tiny, *specs)
    rows, seen = ascent.run(mixed, concat([ascent.init(mixed, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        own = problem_for(tiny, spec)
        alone, alone_seen = ascent.run(own, ascent.init(own, spec, 0))
        torch.testing.assert_close(rows.code[i], alone.code[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-4, atol=1e-5)
        terms = len(spec.terms)
        torch.testing.assert_close(rows.history[i, :, :terms], alone.history[0], rtol=1e-4, atol=1e-5)


def test_rows_are_independent_of_each_other_when_they_join_late(tiny: Catalog) -> None:
    first, second = spec_for(("tiny", "fc8", 1), seed=1), spec_for(("tiny", "fc8", 2), seed=2)
    problem = problem_for(tiny, first, second)
    rows = ascent.init(problem, first, 0)
    for _ in range(5):
        rows, _ = ascent.step(problem, rows)
    rows = concat([rows, ascent.init(problem, second, 0)])
    for _ in range(7):
        rows, seen = ascent.step(problem, rows)
    _, alone_seen = ascent.run(problem, ascent.init(problem, first, 0))
    torch.testing.assert_close(seen.image[0], alone_seen.image[0], rtol=1e-4, atol=1e-5)
    assert ascent.finished(rows).tolist() == [True, False]


def test_same_seed_same_picture_other_seed_another(tiny: Catalog) -> None:
    def picture(seed: int, variant: int = 0) -> torch.Tensor:
        spec = spec_for(("tiny", "fc8", 2), seed=seed)
        problem = problem_for(tiny, spec)
        return ascent.run(problem, ascent.init(problem, spec, variant))[1].image

    assert torch.equal(picture(5), picture(5))
    assert torch.equal(picture(5, variant=2), picture(7))
    assert not torch.allclose(picture(5), picture(6), atol=1e-3)
    assert not torch.allclose(picture(5), picture(5 + 2**32), atol=1e-3)


def test_a_unit_is_read_before_its_relu_so_a_silent_one_moves(tiny: Catalog) -> None:
    spec = spec_for(("tiny", "conv3", 0))
    problem = problem_for(tiny, spec)
    rows = ascent.init(problem, spec, 0)
    image = problem.prior.draw(rows.code)
    network = tiny.networks["tiny"]
    expected = network.activations(image, ["conv3"])["conv3"][0, 0].mean()
    rows, seen = ascent.step(problem, rows)
    torch.testing.assert_close(seen.activation[0, 0], expected)
    lows = replace(spec.terms[0], weight=-1.0)
    silent = replace(spec, terms=(lows,))
    before = ascent.init(problem, silent, 0)
    for _ in range(12):
        before, seen = ascent.step(problem, before)
    assert before.history[0, -1, 0] < before.history[0, 0, 0]
    assert (before.stopped < 0).all()


def test_positions_probabilities_and_means_are_read_as_addressed(tiny: Catalog) -> None:
    terms = (
        Term(Unit("tiny", "conv3", 5, (1, 3))),
        Term(Unit("tiny", "conv3", 5)),
        Term(Unit("tiny", "fc8", 4), readout=Readout.PROBABILITY),
        Term(Unit("tiny", "fc8", 4), readout=Readout.LOG_PROBABILITY),
        Term(Unit("tiny-res", "res3a", 2, (0, 0))),
    )
    spec = replace(spec_for(("tiny", "fc8", 0)), terms=terms)
    problem = problem_for(tiny, spec)
    rows = ascent.init(problem, spec, 0)
    image = problem.prior.draw(rows.code)
    found = tiny.networks["tiny"].activations(image, ["conv3", "fc8"])
    residual = tiny.networks["tiny-res"].activations(image, ["res3a"])["res3a"]
    probability = found["fc8"].softmax(1)[0, 4]
    expected = [found["conv3"][0, 5, 1, 3], found["conv3"][0, 5].mean(), probability, probability.log(), residual[0, 2, 0, 0]]
    _, seen = ascent.step(problem, rows)
    torch.testing.assert_close(seen.activation[0], torch.stack(expected))


def test_terms_of_a_whole_tap_are_read_as_addressed(tiny: Catalog) -> None:
    random = np.random.default_rng(0)
    weights, wanted = random.standard_normal(8, dtype=np.float32), random.standard_normal(12, dtype=np.float32)
    photograph = random.random((32, 32, 3), dtype=np.float32)
    terms = (
        Term(Unit("tiny", "conv3", 0), readout=Readout.DIRECTION, vector=weights),
        Term(Unit("tiny", "conv3", 0, (1, 3)), readout=Readout.DIRECTION, vector=weights),
        Term(Unit("tiny", "fc7", 0), readout=Readout.FEATURES, vector=wanted),
        Term(Unit("tiny-res", "res3a", 0), readout=Readout.FEATURES, pictures=photograph[None]),
        Term(Unit("tiny", "fc8", 4)),
    )
    spec = replace(spec_for(("tiny", "fc8", 0)), terms=terms)
    problem = problem_for(tiny, spec)
    rows = ascent.init(problem, spec, 0)
    image = problem.prior.draw(rows.code)
    found = tiny.networks["tiny"].activations(image, ["conv3", "fc7", "fc8"])
    residual = tiny.networks["tiny-res"]
    photographed = residual.activations(torch.from_numpy(photograph).permute(2, 0, 1)[None], ["res3a"])["res3a"]
    drawn = residual.activations(image, ["res3a"])["res3a"]
    v, phi_0 = torch.from_numpy(weights), torch.from_numpy(wanted)
    expected = [
        v @ found["conv3"][0].mean((1, 2)),
        v @ found["conv3"][0, :, 1, 3],
        -(found["fc7"][0] - phi_0).square().sum() / phi_0.square().sum(),
        -(drawn - photographed).square().sum() / photographed.square().sum(),
        found["fc8"][0, 4],
    ]
    _, seen = ascent.step(problem, rows)
    torch.testing.assert_close(seen.activation[0], torch.stack(expected), rtol=1e-4, atol=1e-5)


def test_a_direction_along_one_unit_draws_that_unit(tiny: Catalog) -> None:
    unit = spec_for(("tiny", "fc8", 2), seed=1)
    along = replace(unit, terms=(Term(Unit("tiny", "fc8", 0), readout=Readout.DIRECTION, vector=np.eye(7, dtype=np.float32)[2]),))
    problem = problem_for(tiny, unit)
    pictures = [ascent.run(problem, ascent.init(problem, spec, 0))[1].image for spec in (unit, along)]
    torch.testing.assert_close(*pictures, rtol=1e-4, atol=1e-5)


def test_whole_taps_and_units_share_a_batch_without_changing_each_other(tiny: Catalog) -> None:
    wanted = np.linspace(-1, 1, 12, dtype=np.float32)
    features = Term(Unit("tiny", "fc7", 0), readout=Readout.FEATURES, vector=wanted)
    direction = Term(Unit("tiny", "fc8", 0), 0.5, Readout.DIRECTION, vector=np.linspace(1, -1, 7, dtype=np.float32))
    specs = [
        replace(spec_for(("tiny", "fc7", 1), ("tiny", "fc8", 2), seed=1)),
        replace(spec_for(("tiny", "fc8", 0), seed=2), terms=(features, direction)),
        replace(spec_for(("tiny", "fc8", 0), seed=3), terms=(direction, Term(Unit("tiny", "fc7", 5)), features)),
    ]
    mixed = problem_for(tiny, *specs)
    rows, seen = ascent.run(mixed, concat([ascent.init(mixed, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        alone, alone_seen = ascent.run(mixed, ascent.init(mixed, spec, 0))
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(rows.history[i, :, : len(spec.terms)], alone.history[0], rtol=1e-4, atol=1e-5)
    assert rows.history[1, -1, 0] > rows.history[1, 0, 0], "the features come closer"


def test_nan_gradient_keeps_the_code_and_its_neighbours(tiny: Catalog) -> None:
    spec = spec_for(("tiny", "fc8", 1))
    problem = problem_for(tiny, spec)
    good = ascent.init(problem, spec, 0)
    bad = replace(good, code=torch.full_like(good.code, math.nan))
    after, _ = ascent.step(problem, concat([good, bad]))
    alone, _ = ascent.step(problem, good)
    torch.testing.assert_close(after.code[0], alone.code[0])
    assert after.code[1].isnan().all()
    assert after.stopped.tolist() == [-1, 1], "its activation is not a number either, so it ends"
    assert after.broken.tolist() == [0, 1]


def test_zero_gradient_stops_the_row_where_it_is(tiny: Catalog) -> None:
    spec = spec_for(("tiny", "fc8", 1))
    problem = problem_for(tiny, spec)
    flat = ascent.init(problem, replace(spec, terms=(replace(spec.terms[0], weight=0.0),)), 0)
    after, seen = ascent.step(problem, concat([flat, ascent.init(problem, spec, 0)]))
    assert after.stopped.tolist() == [1, -1]
    assert ascent.finished(after).tolist() == [True, False]
    assert torch.equal(after.code[0], flat.code[0])
    later, seen_later = ascent.step(problem, after)
    assert later.stopped.tolist() == [1, -1]
    torch.testing.assert_close(seen_later.image[0], seen.image[0])


def test_a_given_code_is_the_start(tiny: Catalog) -> None:
    code = np.linspace(0, 1, 24, dtype=np.float32)
    spec = replace(spec_for(("tiny", "fc8", 1)), start=Start(code=code))
    problem = problem_for(tiny, spec)
    rows = ascent.init(problem, spec, 0, torch.from_numpy(code)[None])
    _, seen = ascent.step(problem, rows)
    np.testing.assert_array_equal(seen.code[0].numpy(), code)


def test_in_bfloat16_the_code_and_everything_told_stay_float32(tiny_pack: Path) -> None:
    models = catalog.load([tiny_pack], torch.device("cpu"), "tiny-prior", torch.bfloat16, only=["tiny-prior"])
    spec = spec_for(("tiny", "fc8", 1))
    problem = problem_for(models, spec)
    rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    assert {tensor.dtype for tensor in (rows.code, rows.history, seen.image, seen.activation)} == {torch.float32}
    assert rows.history.isfinite().all()
    assert rows.history[0, -1, 0] > rows.history[0, 0, 0]
