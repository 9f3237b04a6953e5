"""A hole by hand, and held to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM, METHODS, Method
from dgnam_server.synth.parts.inpainting import outside, pasted
from dgnam_server.synth.spec import Hole
from slopes import assert_slope
from tiny_problems import problem_for, spec_for

PHOTOGRAPH = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)
MASK = np.zeros((32, 32), np.float32)
MASK[8:20, 10:30] = 1


def test_the_photograph_is_pasted_outside_the_hole_by_hand() -> None:
    image, photo = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[5.0, 6.0]]]])
    mask = torch.tensor([[[[1.0, 0.0]]]])
    assert pasted(image, photo, mask, torch.tensor([1.0])).tolist() == [[[[1.0, 6.0]]]]
    assert pasted(image, photo, mask, torch.tensor([0.0])).tolist() == image.tolist()


def test_the_error_outside_is_a_mean_by_hand() -> None:
    image, photo = torch.tensor([[[[1.0, 2.0, 3.0]]]]), torch.tensor([[[[5.0, 6.0, 4.0]]]])
    assert outside(image, photo, torch.tensor([[[[1.0, 0.0, 0.0]]]])).tolist() == [(16 + 1) / 2]
    assert outside(image, photo, torch.ones(1, 1, 1, 3)).tolist() == [0], "all is hole"


def test_its_gradient_is_what_finite_differences_say() -> None:
    mask = (torch.arange(20).view(1, 1, 4, 5) % 3 == 0).double()
    assert_slope(lambda image: outside(image, torch.full_like(image, 0.3), mask))


@pytest.mark.parametrize("method", [DGN_AM, METHODS["lucid"], METHODS["pyramid"]], ids=lambda method: method.name)
def test_outside_the_hole_the_picture_is_the_photograph(tiny: Catalog, method: Method) -> None:
    asked = replace(spec_for(method, ("tiny", "fc8", 2), hold=1, steps=4), hole=Hole(PHOTOGRAPH, MASK))
    problem = problem_for(tiny, method, asked)
    _, seen = ascent.run(problem, ascent.init(problem, asked, 0))
    photo = torch.from_numpy(PHOTOGRAPH).permute(2, 0, 1)
    held = torch.from_numpy(MASK) == 0
    torch.testing.assert_close(seen.image[0, :, held], photo[:, held])
    assert (seen.image[0] - photo)[:, ~held].abs().mean() > 0.01
