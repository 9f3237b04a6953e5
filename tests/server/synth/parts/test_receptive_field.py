"""Where units look, by hand and on real networks with a prior."""

import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.parts.receptive_field import RECEPTIVE_FIELD, effective_field
from dgnam_server.synth.spec import Unit
from tiny_problems import problem_for, spec_for


def test_the_field_is_where_the_gradient_is() -> None:
    gradient = torch.zeros(2, 3, 16, 16)
    gradient[0, :, 4, 5] = torch.tensor([1.0, -2.0, 1.0])
    field = effective_field(gradient)
    assert field.shape == (2, 1, 16, 16)
    top = (field[0, 0] == 1).nonzero()
    assert (top - torch.tensor([4, 5])).abs().max() <= 2, "the strongest place, but for the smoothing"
    assert field[0, 0, 12:, 12:].sum() == 0
    assert field[1].sum() == 0, "without a slope there is no field"


def test_with_a_prior_a_place_is_seen_where_it_lies(tiny: Catalog) -> None:
    method = METHODS["dgn-am"]
    fields = []
    for position in ((0, 0), (3, 3)):
        spec = spec_for(method, ("tiny", "conv3", 2), seed=1, field_weight=1.0)
        (term,) = spec.terms
        spec = type(spec)(**{**vars(spec), "terms": (type(term)(Unit("tiny", "conv3", 2, position)),)})
        problem = problem_for(tiny, method, spec)
        assert "receptive-field" in problem.structure.parts
        rows = ascent.init(problem, spec, 0)
        assert RECEPTIVE_FIELD.watch
        fields.append(RECEPTIVE_FIELD.watch(problem.prior.draw(rows.code), rows, problem)["field"][0, 0])
        assert not torch.equal(ascent.run(problem, rows)[1].code, rows.code), "it ascends"
    half = len(fields[0]) // 2
    assert fields[0][:half, :half].sum() > fields[0][half:, half:].sum()
    assert fields[1][half:, half:].sum() > fields[1][:half, :half].sum()


def test_a_class_with_a_prior_may_be_held_inside_its_activation_map(tiny: Catalog) -> None:
    for name in ("dgn-am", "ppgn", "diffusion"):
        method = METHODS[name]
        pictures = []
        for weight in (0.0, 1.0):
            spec = spec_for(method, ("tiny-res", "fc", 1), seed=2, steps=3, cam_weight=weight)
            problem = problem_for(tiny, method, spec)
            pictures.append(ascent.run(problem, ascent.init(problem, spec, 0))[1].image)
        assert pictures[1].isfinite().all() and not torch.allclose(*pictures)
