"""Every part of the table, on every prior it fits: what it declares, and the rules that every row obeys."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, parts
from dgnam_server.synth.methods import Method
from dgnam_server.synth.options import Option
from dgnam_server.synth.parts import PARTS, Part
from dgnam_server.synth.priors import GENERATOR, PARAMETRISATIONS
from dgnam_server.synth.rows import concat
from dgnam_server.synth.rules import RULES
from dgnam_server.synth.spec import Hole, SynthesisSpec
from tiny_problems import problem_for, spec_for

PRIORS = (GENERATOR, *PARAMETRISATIONS)
FITTING = [(part, prior) for part in PARTS.values() for prior in part.priors or PRIORS]
HOLE = Hole(np.random.default_rng(0).random((32, 32, 3), dtype=np.float32), np.eye(32, dtype=np.float32))
IDS = [f"{part.name} on {prior}" for part, prior in FITTING]


def method_with(part: Part, prior: str) -> Method:
    """A method that has nothing else. Normalized ascent would hide how long a gradient is."""
    rule = "momentum-ascent" if part.shape else "normalized-ascent"
    return Method("alone", "", "", prior, rule, (part.name,), {"start_learning_rate": 0.5})


def half_on(option: Option) -> float:
    return 3.0 if option.integer else min(0.5, option.maximum)


def specs_with(part: Part, method: Method) -> list[SynthesisSpec]:
    """Three rows: the part on, on by another share, and off where it has switches."""
    on = {option.name: half_on(option) for option in part.options if option.switch}
    less, off = {name: value / 2 if value < 1 else value - 1 for name, value in on.items()}, dict.fromkeys(on, 0.0)
    specs = [
        spec_for(method, ("tiny-res", "fc", 2), seed=1, steps=4, **on),
        spec_for(method, ("tiny", "fc8", 1), ("tiny-res", "fc", 4), seed=2, steps=4, **less),
        spec_for(method, ("tiny", "fc8", 3), seed=3, steps=4, **off),
    ]
    return [replace(spec, hole=HOLE) for spec in specs]


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_it_declares_all_there_is_to_know(part: Part) -> None:
    assert PARTS[part.name] is part
    places = (part.view, part.redirect, part.penalty, part.shape, part.project)
    assert sum(place is not None for place in places) == 1
    assert part.watch is None or part.state is not None, "what a part sees it remembers"
    assert set(part.priors) <= set(PRIORS)
    assert part.options, "what no request can tune belongs to the method"


def test_a_part_has_the_name_of_its_file() -> None:
    files = {path.stem for path in Path(str(parts.__file__)).parent.glob("*.py")} - {"__init__", "part"}
    assert {name.replace("-", "_") for name in PARTS} == files
    for name, part in PARTS.items():
        module = getattr(parts, name.replace("-", "_"))
        assert isinstance(module, ModuleType)
        assert getattr(module, name.replace("-", "_").upper()) is part


def test_no_name_means_two_things() -> None:
    declaring = (*PARTS.values(), *RULES.values())
    names = [option.name for each in declaring for option in each.options]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("option", [option for each in (*PARTS.values(), *RULES.values()) for option in each.options], ids=lambda o: o.name)
def test_every_option_is_documented_and_its_default_in_range(option: Option) -> None:
    assert option.description[0].isupper() or option.description[0].isdigit()
    assert option.description.endswith(".")
    assert option.minimum < option.maximum
    if option.default is None:
        owner = next(each for each in (*PARTS.values(), *RULES.values()) if option in each.options)
        own = next(other for other in owner.options if option.name == f"end_{other.name}")
        assert (option.minimum, option.maximum, option.switch) == (own.minimum, own.maximum, own.switch)
    else:
        assert option.minimum <= option.default <= option.maximum
        assert not option.integer or option.default == int(option.default)
    assert not option.switch or not option.default, "a part that a method names is off until the method or a request says so"


def test_parts_are_applied_in_the_tables_order_whatever_a_methods() -> None:
    assert list(PARTS).index("bound") < list(PARTS).index("decay"), "the released script clips first, then shrinks"
    assert list(PARTS).index("reconstruction") < list(PARTS).index("bound")
    found = parts.at(lambda part: part.project, ("decay", "bound", "p-norm"))
    assert found == [PARTS["bound"].project, PARTS["decay"].project]


CHANGING = [(part, prior) for part, prior in FITTING if part.redirect is None]  # with a unit that has a gradient, that one changes nothing


@pytest.mark.parametrize(("part", "prior"), CHANGING, ids=[f"{part.name} on {prior}" for part, prior in CHANGING])
def test_it_does_something_and_leaves_shapes_alone(tiny: Catalog, part: Part, prior: str) -> None:
    method = method_with(part, prior)
    spec = specs_with(part, method)[0]
    problem = problem_for(tiny, method, spec)
    assert problem.structure.parts == (part.name,)
    bare = replace(problem, structure=replace(problem.structure, parts=()))
    found = []
    for each in (problem, bare):
        rows, seen = ascent.run(each, ascent.init(each, spec, 0))
        assert seen.image.shape == (1, 3, 32, 32)
        assert rows.code.shape == seen.code.shape
        assert rows.code.isfinite().all()
        found.append(rows.code)
    assert (found[0] - found[1]).abs().max() > 1e-6, "nothing has changed"


@pytest.mark.parametrize(("part", "prior"), FITTING, ids=IDS)
def test_a_row_is_the_same_alone_and_in_company(tiny: Catalog, part: Part, prior: str) -> None:
    method = method_with(part, prior)
    specs = specs_with(part, method)
    mixed = problem_for(tiny, method, *specs)
    rows = concat([ascent.init(mixed, spec, 0) for spec in specs[:2]])
    rows, _ = ascent.step(mixed, rows)
    rows = concat([rows, ascent.init(mixed, specs[2], 0)])  # which joins late
    for _ in range(3):
        rows, seen = ascent.step(mixed, rows)
    for i, spec in enumerate(specs):
        problem = replace(problem_for(tiny, method, spec), structure=mixed.structure)
        alone = ascent.init(problem, spec, 0)
        for _ in range(4 if i < 2 else 3):
            alone, alone_seen = ascent.step(problem, alone)
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(rows.code[i], alone.code[0], rtol=1e-3, atol=1e-3)


SOMETIMES = {
    "redirected-relu": {"redirected_relu_steps": 2},
    "reconstruction": {"reconstruction_weight": 0.5, "reconstruction_interval": 2, "reconstruction_steps": 3},
}


def test_what_no_row_has_at_a_step_can_be_left_out(tiny: Catalog) -> None:
    """It is left out there only, and the codes are the same."""
    assert set(SOMETIMES) == {name for name, part in PARTS.items() if part.due}
    for name, given in SOMETIMES.items():
        method = method_with(PARTS[name], next(prior for part, prior in FITTING if part.name == name))
        spec = spec_for(method, ("tiny", "fc8", 1), steps=5, **given)
        problem = problem_for(tiny, method, spec)
        leaving, always = ascent.init(problem, spec, 0), ascent.init(problem, spec, 0)
        idle = []
        for step in range(5):
            now = parts.idle(problem.structure.parts, [(spec.settings, step)])
            idle.append(bool(now))
            leaving, _ = ascent.step(problem, leaving, now)
            always, _ = ascent.step(problem, always)
        assert torch.equal(leaving.code, always.code)
        assert idle == ([False, False, True, True, True] if name == "redirected-relu" else [True, False, True, True, True])
    later = {"redirected_relu_steps": 4}
    assert not parts.idle(("redirected-relu",), [({"redirected_relu_steps": 2}, 3), (later, 3)]), "one row that has it is enough"


@pytest.mark.parametrize(("part", "prior"), FITTING, ids=IDS)
def test_flat_pictures_and_zero_gradients_stay_finite(tiny: Catalog, part: Part, prior: str) -> None:
    method = method_with(part, prior)
    spec = specs_with(part, method)[0]
    problem = problem_for(tiny, method, spec)
    rows = ascent.init(problem, spec, 0)
    flat = torch.full((1, 3, 32, 32), 0.5)
    if part.watch:
        rows = replace(rows, state={**rows.state, **part.watch(flat, rows, problem)})
    if part.shape:
        assert part.shape(torch.zeros_like(flat), rows, problem).isfinite().all()
    if part.project:
        assert part.project(torch.zeros_like(rows.code), rows, problem).isfinite().all()
    for function in (part.view, part.penalty):
        if function:
            image = flat.clone().requires_grad_()
            found = function(image, rows, problem)
            assert found.isfinite().all()
            assert torch.autograd.grad(found.sum(), image)[0].isfinite().all()


def test_it_is_on_where_a_switch_is_not_zero() -> None:
    settings = {"tv_weight": 0.0, "end_tv_weight": 0.0, "tv_exponent": 1.0}
    part = PARTS["total-variation"]
    assert not part.is_on(settings)
    assert part.is_on({**settings, "tv_weight": 0.1})
    assert part.is_on({**settings, "end_tv_weight": 0.1})
    assert PARTS["bound"].is_on({"bound_multiplier": 0.0}), "it has no switch"
