"""Every rule of the table, on every prior it fits."""

from dataclasses import replace

import pytest
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import Method
from dgnam_server.synth.parts import PARTS
from dgnam_server.synth.priors import GENERATOR, PARAMETRISATIONS
from dgnam_server.synth.rows import concat
from dgnam_server.synth.rules import RULES, Rule
from tiny_problems import problem_for, spec_for

PRIORS = (GENERATOR, *PARAMETRISATIONS)
FITTING = [(rule, prior) for rule in RULES.values() for prior in rule.priors or PRIORS]
IDS = [f"{rule.name} on {prior}" for rule, prior in FITTING]


@pytest.mark.parametrize(("rule", "prior"), FITTING, ids=IDS)
def test_a_row_is_the_same_alone_and_in_company(tiny: Catalog, rule: Rule, prior: str) -> None:
    method = Method("alone", "", "", prior, rule.name, (), {"start_learning_rate": 0.1})
    more = {option.name: min(1.0, option.maximum) for option in rule.options if option.default is not None}
    specs = [spec_for(method, ("tiny", "fc8", 1), seed=1, steps=4), spec_for(method, ("tiny-res", "fc", 2), seed=2, steps=4, **more)]
    mixed = problem_for(tiny, method, *specs)
    rows, _ = ascent.step(mixed, ascent.init(mixed, specs[0], 0))
    rows = concat([rows, ascent.init(mixed, specs[1], 0)])  # which joins late
    start = rows.code
    for _ in range(3):
        rows, seen = ascent.step(mixed, rows)
    assert rows.code.shape == start.shape
    assert rows.code.isfinite().all()
    assert ((rows.code - start).abs().amax(1) > 1e-6).all(), "a row has not moved"
    for i, spec in enumerate(specs):
        problem = problem_for(tiny, method, spec)
        alone = ascent.init(problem, spec, 0)
        for _ in range(4 - i):
            alone, alone_seen = ascent.step(problem, alone)
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(rows.code[i], alone.code[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("rule", "prior"), FITTING, ids=IDS)
def test_a_row_without_a_gradient_ends_where_nothing_else_moves_it(tiny: Catalog, rule: Rule, prior: str) -> None:
    """A target of weight 0 has none. Noise goes on, and so does what momentum is left."""
    method = Method("flat", "", "", prior, rule.name, (), {"start_learning_rate": 0.1})
    more = {option.name: min(1.0, option.maximum) for option in rule.options if option.default is not None}
    spec = spec_for(method, ("tiny", "fc8", 1), steps=6, **more)
    problem = problem_for(tiny, method, spec)
    started = ascent.init(problem, spec, 0)
    after, _ = ascent.step(problem, replace(started, weight=torch.zeros_like(started.weight)))
    noisy = rule.name in ("langevin", "guided-denoising")
    assert (after.stopped.item(), torch.equal(after.code, started.code)) == ((-1, False) if noisy else (1, True))
    assert after.code.isfinite().all()
    rows, _ = ascent.step(problem, started)
    moved, _ = ascent.step(problem, replace(rows, weight=torch.zeros_like(rows.weight)))
    rolling = noisy or rule.name in ("momentum-ascent", "adam")
    assert (moved.stopped.item(), torch.equal(moved.code, rows.code)) == ((-1, False) if rolling else (2, True))


def test_a_row_without_a_gradient_waits_for_another_view(tiny: Catalog) -> None:
    for name, value, ended in (("shift_px", 4.0, -1), ("padding_px", 4.0, 1)):
        method = Method("flat", "", "", GENERATOR, "normalized-ascent", ("random-view",), {"start_learning_rate": 0.1})
        spec = spec_for(method, ("tiny", "fc8", 1), steps=6, **{name: value})
        problem = problem_for(tiny, method, spec)
        started = ascent.init(problem, spec, 0)
        after, _ = ascent.step(problem, replace(started, weight=torch.zeros_like(started.weight)))
        assert after.stopped.item() == ended and torch.equal(after.code, started.code), name


def test_no_two_remember_under_one_name(tiny: Catalog) -> None:
    """A batch's parts and its rule keep their state in one mapping."""
    method = Method("any", "", "", GENERATOR, "langevin", (), {})
    spec = spec_for(method, ("tiny", "fc8", 1))
    problem = problem_for(tiny, method, spec)
    code = torch.zeros(1, 24)
    of_parts = [name for part in PARTS.values() if part.state for name in part.state(problem, code, spec)]
    assert len(of_parts) == len(set(of_parts))
    for rule in RULES.values():
        remembered = rule.state(problem, code) if rule.state else {}
        assert not remembered.keys() & set(of_parts)
        assert all(len(value) == 1 for value in remembered.values())
