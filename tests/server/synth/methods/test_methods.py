"""Every method of the table: its options, and the rules that every row obeys whatever its method."""

from dataclasses import replace

import pytest
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, methods
from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, DGN_AM, METHODS, Method, Option
from dgnam_server.synth.parts import PARTS, Part
from dgnam_server.synth.priors import GENERATOR, PARAMETRISATIONS
from dgnam_server.synth.problem import Problem, Structure
from dgnam_server.synth.rows import Rows, concat
from dgnam_server.synth.rules import RULES
from tiny_problems import problem_for, spec_for
from torch import Tensor

PIXEL_METHODS = [method for method in METHODS.values() if not method.draws_with_a_generator]
VIEW = [option.name for option in PARTS["random-view"].options]
EVERYTHING_ON = {  # each part, all at once
    "shift_px": 2.0,
    "crop": 0.2,
    "scale": 0.1,
    "rotation": 5.0,
    "padding_px": 1.0,
    "redirected_relu_steps": 2.0,
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
    "field_weight": 0.5,
    "field_interval": 3.0,
    "hold": 0.5,
    "decay": 0.01,
    "blur_sigma": 1.0,
    "end_blur_sigma": 0.2,
    "small_norm_share": 0.1,
    "keep_range": 1.0,
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_table_is_sound(method: Method) -> None:
    names = [option.name for option in method.options]
    assert len(names) == len(set(names))
    assert set(method.defaults) <= set(names), "a default of an option that it does not have"
    for option in method.options:
        assert option.description.endswith(".")
        assert option.minimum <= (option.default if option.default is not None else option.minimum) <= option.maximum
        if option.default is None and option.name.startswith("end_"):
            assert option.name.removeprefix("end_") in names
    assert method.description
    assert method.citation


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_it_names_what_there_is_and_what_fits_its_prior(method: Method) -> None:
    assert method.prior in (GENERATOR, *PARAMETRISATIONS)
    for each in (RULES[method.rule], *(PARTS[name] for name in method.parts)):
        assert not each.priors or method.prior in each.priors, f"{each.name} does not work on {method.prior}"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_option_says_whose_it_is(method: Method) -> None:
    whose = {option.name: option.part for option in method.options}
    assert [name for name, part in whose.items() if part == "method"] == ["steps", "start_learning_rate", "end_learning_rate"]
    for name in (method.rule, *method.parts):
        declared = RULES[name].options if name == method.rule else PARTS[name].options
        assert [known for known, part in whose.items() if part == name] == [option.name for option in declared]
    assert set(whose.values()) <= {"method", method.rule, method.prior, *method.parts}


def test_every_part_rule_and_parametrisation_is_of_some_method() -> None:
    assert {part for method in METHODS.values() for part in method.parts} == set(PARTS)
    assert {method.rule for method in METHODS.values()} == set(RULES)
    assert {method.prior for method in METHODS.values()} == {GENERATOR, *PARAMETRISATIONS}
    assert METHODS[DEFAULT_METHOD].draws_with_a_generator
    assert not METHODS[DEFAULT_PIXEL_METHOD].draws_with_a_generator


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_settings_are_complete(method: Method) -> None:
    rate = method.option("start_learning_rate").default
    found = method.settings(card_defaults={"start_learning_rate": 7.3} if rate is None else {})
    assert list(found) == [option.name for option in method.options]
    for option in method.options:
        value = found[option.name]
        assert option.minimum <= value <= option.maximum
        assert isinstance(value, int) or not option.integer
        assert option.default is None or value == option.default


def test_the_default_method_is_the_published_procedure_and_nothing_else() -> None:
    assert DGN_AM.structure(DGN_AM.settings()) == Structure("generator", "normalized-ascent", ("decay", "bound"))
    assert DGN_AM.settings()["start_draws"] == 0


@pytest.mark.parametrize("name", ["dgn-am", "ppgn", "diffusion"])
def test_the_view_of_a_method_with_a_prior_may_be_jittered(tiny: Catalog, name: str) -> None:
    method = METHODS[name]
    plain, jittered = (spec_for(method, ("tiny", "fc8", 1), **view) for view in ({}, {"shift_px": 2.0, "scale": 0.08, "rotation": 2.3}))
    images = []
    for spec in (plain, jittered):
        problem = problem_for(tiny, method, spec)
        assert ("random-view" in problem.structure.parts) == (spec is jittered)
        images.append(ascent.run(problem, ascent.init(problem, spec, 0))[1].image)
    assert images[1].isfinite().all() and not torch.allclose(*images)


def test_settings_come_from_the_request_the_value_they_start_at_and_the_card() -> None:
    settings = METHODS["pyramid"].settings({"tv_weight": 0.3, "blur_sigma": 2.0, "end_blur_sigma": 0.5, "steps": 17.0})
    assert settings["tv_weight"] == settings["end_tv_weight"] == 0.3
    assert (settings["blur_sigma"], settings["end_blur_sigma"]) == (2.0, 0.5)
    assert settings["steps"] == 17
    assert isinstance(settings["steps"], int)
    assert DGN_AM.settings(card_defaults={"start_learning_rate": 8.1})["start_learning_rate"] == pytest.approx(8.1)
    assert DGN_AM.settings({"start_learning_rate": 3.0}, {"start_learning_rate": 8.0})["start_learning_rate"] == 3.0
    with pytest.raises(ValueError, match="dgn-am has no option momentum"):
        DGN_AM.settings({"momentum": 0.5})


def test_a_cards_options_come_after_the_requests_and_before_the_methods(tiny: Catalog) -> None:
    card = tiny.cards["tiny-prior"]
    assert card.code is not None
    card = replace(card, options={"dgn-am": {"steps": 30, "decay": 0.0}, "ppgn": {"start_learning_rate": 3.0}})
    found = DGN_AM.settings({"decay": 0.05}, DGN_AM.card_defaults(card))
    assert (found["steps"], found["decay"], found["bound_multiplier"]) == (30, 0.05, 3.0)
    assert isinstance(found["steps"], int)
    assert found["start_learning_rate"] == card.code.start_learning_rate
    ppgn = METHODS["ppgn"]
    assert ppgn.settings({}, ppgn.card_defaults(card))["start_learning_rate"] == 3.0
    assert ppgn.settings({}, ppgn.card_defaults(replace(card, options={})))["start_learning_rate"] == 8.0, "its own comes first"


def test_what_a_card_may_not_set() -> None:
    wrong = {
        "strat_draws": 4000,
        "start_draws": 40_000,
        "steps": 2.5,
        "start_learning_rate": 0.04,
        "decay": float("nan"),
        "bound_multiplier": 2,
    }
    assert DGN_AM.problems(wrong) == [
        "strat_draws: dgn-am has no such option",
        "start_draws: 40000 is not an integer between 0 and 20000",
        "steps: 2.5 is not an integer between 1 and 2000",
        "start_learning_rate: it is code.start_learning_rate in the card",
        "decay: nan is not between 0 and 1",
    ]
    assert METHODS["ppgn"].problems({"start_learning_rate": 3.0}) == []


def test_needs_are_those_of_what_is_on() -> None:
    def needs(name: str, **given: float) -> frozenset[str]:
        return METHODS[name].needs(METHODS[name].settings(given))

    assert needs("dgn-am") == frozenset()
    assert needs("ppgn") == {"encoder"}
    assert needs("ppgn", reconstruction_weight=0.0) == frozenset()
    assert needs("diffusion") == {"denoiser"}
    assert needs("pyramid") == frozenset()
    assert needs("pyramid", patch_weight=0.1) == needs("pyramid", end_patch_weight=0.1) == {"patches"}


def test_a_new_penalty_is_a_part_and_a_line_in_each_method(tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What adding one takes: it runs in a code method and in a pixel method, and is declared to callers."""

    def darkness(image: Tensor, rows: Rows, problem: Problem) -> Tensor:
        return rows.now("darkness_weight") * image.sum((1, 2, 3))

    part = Part("darkness", (Option("darkness_weight", "Weight of the penalty on light.", 0.0, 10.0, 0.0, switch=True),), penalty=darkness)
    monkeypatch.setitem(PARTS, part.name, part)
    for method in (DGN_AM, METHODS["pyramid"]):
        monkeypatch.setitem(METHODS, method.name, replace(method, parts=(*method.parts, part.name)))
        extended = METHODS[method.name]
        assert extended.option("darkness_weight") == replace(part.options[0], part="darkness")
        assert extended.settings()["darkness_weight"] == 0.0
        light = []
        for weight in (0.0, 10.0):
            spec = spec_for(extended, ("tiny", "fc8", 1), steps=20, darkness_weight=weight)
            assert ("darkness" in extended.structure(spec.settings).parts) == bool(weight)
            problem = problem_for(tiny, extended, spec)
            light.append(float(ascent.run(problem, ascent.init(problem, spec, 0))[1].image.mean()))
        assert light[1] < light[0] - 0.01


def test_dgn_am_with_every_part_that_works_on_pictures(tiny: Catalog) -> None:
    method = replace(DGN_AM, parts=tuple({*methods.method.IMAGE_PARTS, *DGN_AM.parts}))
    known = {option.name for option in method.options}
    on = {name: value for name, value in (EVERYTHING_ON | {"reconstruction_weight": 0.3}).items() if name in known}
    spec = spec_for(method, ("tiny", "fc8", 1), ("tiny-res", "fc", 3), steps=4, **on)
    problem = problem_for(tiny, method, spec)
    assert set(problem.structure.parts) == set(method.parts)
    rows, seen = ascent.run(problem, ascent.init(problem, spec, 0))
    assert seen.image.isfinite().all()
    assert len(set(rows.history[0, :, 0].tolist())) == 4, "the code moves"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_row_alone_equals_the_row_in_a_mixed_batch(tiny: Catalog, method: Method) -> None:
    known = {option.name for option in method.options}
    both = {"tv_weight": 0.1, "p_norm_weight": 0.1} if "tv_weight" in known else {}
    more = {"momentum": 0.5, "levels": 2.0, "bound_multiplier": 1.0, "churn": 0.5}
    more = both | {name: value for name, value in more.items() if name in known}
    specs = [
        spec_for(method, ("tiny", "fc8", 1), seed=1, **both),
        spec_for(method, ("tiny-res", "fc", 2), ("tiny", "conv3", 4), seed=2, start_learning_rate=0.03, **both),
        spec_for(method, ("tiny", "fc8", 3), seed=3, **more),
    ]
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
    spec = spec_for(method, ("tiny-res", "fc", 2), steps=40, **dict.fromkeys(VIEW, 0.0))
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
