"""Reconstruction by hand; `test_ppgn` has it against its formula."""

from dataclasses import replace

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.parts.reconstruction import drawn
from dgnam_server.synth.rows import concat
from dgnam_server.synth.transforms import centre_crop
from tiny_problems import problem_for, spec_for


def test_a_code_is_drawn_by_the_share_that_its_row_says() -> None:
    code, difference = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[2.0, -4.0]] * 2)
    torch.testing.assert_close(drawn(code, torch.tensor([0.25, 0.0]), difference), torch.tensor([[1.5, 1.0], [1.0, 2.0]]))


def test_every_so_many_steps_the_code_becomes_what_the_encoder_finds(tiny: Catalog) -> None:
    """Of rows that step together, in those alone that are due."""
    method = METHODS["dgn-am"]
    spec = spec_for(method, ("tiny", "fc8", 1), steps=6, reconstruction_weight=1, reconstruction_interval=3, decay=0.0)
    problem, generator, encoder = problem_for(tiny, method, spec), tiny.generators["tiny-prior"], tiny.networks["tiny"]
    assert generator.card.code is not None
    plain = replace(problem, structure=replace(problem.structure, parts=("bound",)))
    early = ascent.init(problem, spec, 0)
    late = ascent.init(problem, replace(spec, seed=1), 0)
    for _ in range(2):
        late, _ = ascent.step(problem, late)
    rows = concat([early, late])
    without, _ = ascent.step(plain, concat([early, late]))
    found = encoder.activations(centre_crop(generator(rows.code), encoder.input_size), [generator.card.code.tap])
    after, _ = ascent.step(problem, rows)
    torch.testing.assert_close(after.code[0], without.code[0])
    bound = generator.code_mean + 3 * generator.code_std
    unbounded = replace(problem, structure=replace(problem.structure, parts=()))
    step = ascent.step(unbounded, concat([early, late]))[0].code[1] - rows.code[1]
    wanted = (found[generator.card.code.tap].flatten(1)[1] + step).clamp(min=0).minimum(bound)
    torch.testing.assert_close(after.code[1], wanted)


def test_dgn_am_has_none_unless_it_is_asked_for() -> None:
    method = METHODS["dgn-am"]
    assert "reconstruction" not in method.structure(method.settings()).parts
    assert "reconstruction" in method.structure(method.settings({"reconstruction_weight": 1.0})).parts
