"""What the networks of a batch see of its pictures."""

from dataclasses import replace

import pytest
import torch
from dgnam_models.preprocess import FITS
from dgnam_server.catalog import Catalog
from dgnam_server.synth.methods import DEFAULT_METHOD, METHODS
from dgnam_server.synth.priors import PARAMETRISATIONS
from tiny_problems import problem_for, spec_for

SEEN = [  # the card's `fit`, the side of the picture, the side of its middle that a network for 32 x 32 sees
    ("crop", 40, 32),
    ("crop", 20, 20),
    ("resize", 40, 40),
    ("resize", 20, 20),
]


@pytest.mark.parametrize(("fit", "side", "seen"), SEEN)
def test_a_larger_picture_may_be_cropped_and_all_of_a_smaller_one_is_seen(fit: str, side: int, seen: int, tiny: Catalog) -> None:
    method = METHODS[DEFAULT_METHOD]
    plain = problem_for(tiny, method, spec_for(method, ("tiny", "fc8", 2)))
    problem = replace(plain, prior=PARAMETRISATIONS["pixels"]((side, side), torch.device("cpu")), fit=FITS[fit])
    assert problem.seen("tiny") == (seen, seen)
    image = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    (activation,) = problem.activations(image)
    (gradient,) = torch.autograd.grad(activation[:, 2].sum(), image)
    rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
    assert len(rows) == seen
