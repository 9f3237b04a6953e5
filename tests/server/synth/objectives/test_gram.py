"""Gram matrices by hand."""

import torch
from dgnam_server.synth.objectives.features import likeness
from dgnam_server.synth.objectives.gram import gram
from slopes import assert_slope


def test_the_gram_matrix_is_per_pixel_by_hand() -> None:
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    assert gram(maps).tolist() == [[[2.5, 0.5], [0.5, 5.0]]]  # (1 + 4, 3 - 2, 9 + 1) / 2
    torch.testing.assert_close(gram(maps.repeat(1, 1, 3, 2)), gram(maps), msg="pictures of other sizes compare")


def test_its_gradient_is_what_finite_differences_say() -> None:
    wanted = torch.linspace(-1, 1, 9, dtype=torch.float64).view(1, 1, 9)
    assert_slope(lambda maps: likeness(gram(maps).flatten(1), wanted))
