"""Every method of the table: its options, and the rules that every row obeys whatever its method."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from dgnam_models.patches import PatchSet, build
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, parts
from dgnam_server.synth.methods import METHODS, OPTIONS, Method
from dgnam_server.synth.priors import PARAMETRISATIONS, Prior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import resize
from dgnam_server.synth.updates import RULES

PIXEL_METHODS = [method for method in METHODS.values() if not method.draws_with_a_generator]
EVERYTHING_ON = {  # each part, all at once
    "shift_px": 2.0,
    "crop": 0.2,
    "scale": 0.1,
    "rotation": 5.0,
    "padding_px": 1.0,
    "p_norm_weight": 0.3,
    "tv_weight": 0.2,
    "end_tv_weight": 0.0,
    "patch_weight": 0.05,
    "octaves": 3.0,
    "laplacian_weight": 1.0,
    "gaussian_weight": 0.5,
    "gradient_normalization": 1.0,
    "cam_weight": 0.8,
    "cam_interval": 3.0,
    "decay": 0.01,
    "blur_sigma": 1.0,
    "end_blur_sigma": 0.2,
    "small_norm_share": 0.1,
    "keep_range": 1.0,
}


def spec_for(method: Method, *units: tuple[str, str, int], seed: int = 0, size: int = 32, **settings: float) -> SynthesisSpec:
    values = {option.name: option.default for option in method.options} | {"steps": 8} | settings
    filled = {name: values[name.removeprefix("end_")] if value is None else value for name, value in values.items()}
    terms = tuple(Term(Unit(*unit)) for unit in units)
    return SynthesisSpec(terms, Balance.NONE, "", method.name, filled, seed, size=(size, size))


@cache
def patch_set() -> PatchSet:
    """Of random photographs: what they show does not matter here."""
    pixels = torch.randint(0, 256, (20, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return PatchSet(build(pixels, 400))


def problem_for(catalog: Catalog, method: Method, *specs: SynthesisSpec) -> Problem:
    taps = tuple(sorted({source for spec in specs for source in sources(spec)}))
    networks = tuple(catalog.networks[name] for name in sorted({model for model, _ in taps}))
    prior: Prior = PARAMETRISATIONS[method.prior](specs[0].size, torch.device("cpu"))
    return Problem(prior, networks, taps, specs[0].balance, method.structure(specs[0].settings), resize, patch_set())


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_table_is_sound(method: Method) -> None:
    names = [option.name for option in method.options]
    assert len(names) == len(set(names))
    assert method.rule in RULES
    assert set(method.defaults) <= set(names), "a default of an option that it does not have"
    for option in method.options:
        assert option.description.endswith(".")
        assert option.minimum <= (option.default if option.default is not None else option.minimum) <= option.maximum
        if option.default is None and option.name.startswith("end_"):
            assert option.name.removeprefix("end_") in names
    assert method.citation


def test_every_part_is_of_some_method_and_every_option_of_some_part() -> None:
    assert {part for method in METHODS.values() for part in method.parts} == set(parts.PARTS)
    used = {name for method in METHODS.values() for name in (option.name for option in method.options)}
    assert used == set(OPTIONS)


@pytest.mark.parametrize("method", PIXEL_METHODS, ids=lambda method: method.name)
def test_a_row_alone_equals_the_row_in_a_mixed_batch(tiny: Catalog, method: Method) -> None:
    specs = [
        spec_for(method, ("tiny", "fc8", 1), seed=1),
        spec_for(method, ("tiny-res", "fc", 2), ("tiny", "conv3", 4), seed=2, start_learning_rate=0.03, tv_weight=0.5),
        spec_for(method, ("tiny", "fc8", 3), seed=3, momentum=0.5, levels=2.0, p_norm_weight=0.1),
    ]
    known = {option.name for option in method.options}
    specs = [replace(spec, settings={name: value for name, value in spec.settings.items() if name in known}) for spec in specs]
    specs = [replace(spec, settings={**spec.settings, "tv_weight": 0.1, "p_norm_weight": 0.1}) for spec in specs]
    mixed = problem_for(tiny, method, *specs)
    rows, seen = ascent.run(mixed, concat([ascent.init(mixed, spec, 0) for spec in specs]))
    for i, spec in enumerate(specs):
        own = problem_for(tiny, method, spec)
        alone, alone_seen = ascent.run(own, ascent.init(own, spec, 0))
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(rows.history[i, :, : len(spec.terms)], alone.history[0], rtol=1e-3, atol=1e-3)


def test_everything_at_once_rows_joining_late(tiny: Catalog) -> None:
    method = METHODS["normalized"]
    first = spec_for(method, ("tiny", "fc8", 1), seed=1, **EVERYTHING_ON)
    second = spec_for(method, ("tiny-res", "fc", 2), seed=2, **(EVERYTHING_ON | {"cam_interval": 2.0, "octaves": 2.0, "levels": 2.0}))
    problem = problem_for(tiny, method, first, second)
    assert set(problem.structure.parts) == set(method.parts), "not every part is on"
    rows = ascent.init(problem, first, 0)
    for _ in range(3):
        rows, _ = ascent.step(problem, rows)
    rows = concat([rows, ascent.init(problem, second, 0)])
    for _ in range(5):
        rows, seen = ascent.step(problem, rows)
    own = problem_for(tiny, method, first)
    _, alone = ascent.run(own, ascent.init(own, first, 0))
    torch.testing.assert_close(seen.image[0], alone.image[0], rtol=1e-3, atol=1e-4)
    assert seen.image.isfinite().all()


@pytest.mark.parametrize("method", PIXEL_METHODS, ids=lambda method: method.name)
def test_every_method_raises_what_it_is_told_to(tiny: Catalog, method: Method) -> None:
    spec = spec_for(method, ("tiny-res", "fc", 2), steps=40, **dict.fromkeys(parts.VIEW, 0.0))
    problem = problem_for(tiny, method, spec)
    rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    network = tiny.networks["tiny-res"]
    before = network.logits(problem.prior.draw(ascent.init(problem, spec, 0).code))[0, 2]
    assert network.logits(seen.image)[0, 2] > before + 0.2
    assert rows.history.isfinite().all()


def test_a_part_of_weight_zero_changes_nothing_and_is_left_out(tiny: Catalog) -> None:
    method = METHODS["normalized"]
    plain = spec_for(method, ("tiny", "fc8", 1))
    assert "pyramid" not in method.structure(plain.settings).parts
    assert "pyramid" in method.structure({**plain.settings, "end_laplacian_weight": 1.0}).parts
    with_all = replace(problem_for(tiny, method, plain), structure=replace(method.structure(plain.settings), parts=method.parts))
    without = problem_for(tiny, method, plain)
    _, seen = ascent.run(with_all, ascent.init(with_all, plain, 0))
    _, expected = ascent.run(without, ascent.init(without, plain, 0))
    torch.testing.assert_close(seen.image, expected.image, rtol=1e-4, atol=1e-5)


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


def test_the_first_look_for_the_class_is_where_the_map_says(tiny: Catalog) -> None:
    """Fully weighted, nothing moves where the map is zero."""
    method = METHODS["normalized"]
    settings = {"cam_weight": 1.0, "cam_threshold": 0.5, "octaves": 0.0, "shift_px": 0.0, "crop": 0.0, "noise": 0.1, "keep_range": 0.0}
    spec = spec_for(method, ("tiny-res", "fc", 1), **settings)
    problem = problem_for(tiny, method, spec)
    before = ascent.init(problem, spec, 0)
    after, _ = ascent.step(problem, before)
    moved = (problem.prior.draw(after.code) - problem.prior.draw(before.code))[0].abs().sum(0) > 1e-7
    heat = after.state["heat"][0, 0]
    assert heat.max() > 0.9, "interpolation keeps the peak"
    assert moved.any()
    assert not moved[heat < 0.5].any()


def test_a_larger_picture_is_seen_whole(tiny: Catalog) -> None:
    method = METHODS["pyramid"]
    spec = spec_for(method, ("tiny", "fc8", 1), size=48, steps=3)
    problem = problem_for(tiny, method, spec)
    _, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    assert seen.image.shape == (1, 3, 48, 48)
