"""Channel sums by hand."""

import torch
from dgnam_server.synth.objectives.channel_sums import channel_sums
from dgnam_server.synth.objectives.features import likeness
from slopes import assert_slope


def test_sums_are_per_pixel_by_hand() -> None:
    assert channel_sums(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 2.0]]]])).tolist() == [[3.0, 0.5]]
    assert channel_sums(torch.tensor([[[[3.0]], [[0.5]]]])).tolist() == [[3.0, 0.5]], "pictures of other sizes compare"


def test_its_gradient_is_what_finite_differences_say() -> None:
    assert_slope(lambda maps: likeness(channel_sums(maps), torch.tensor([[[1.0, -2.0, 0.5]]], dtype=torch.float64)))
