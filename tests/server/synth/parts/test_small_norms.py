"""Clipping pixels of small norm by hand."""

import torch
from dgnam_server.synth.parts.small_norms import clip_small_norms


def test_the_faintest_pixels_become_grey() -> None:
    image = torch.tensor([[1.0, 4.0], [3.0, 2.0]]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
    found = clip_small_norms(image, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(found[:, 0], torch.tensor([[[1.0, 4], [3, 2]], [[0, 4], [3, 0]], [[0, 4], [0, 0]]]))


def test_a_pixels_norm_is_over_its_colours() -> None:
    image = torch.zeros(1, 3, 1, 2)
    image[0, :, 0, 0], image[0, 0, 0, 1] = 1.0, 1.5
    found = clip_small_norms(image, torch.tensor([0.5]))
    torch.testing.assert_close(found[0, :, 0], torch.tensor([[1.0, 0], [1.0, 0], [1.0, 0]]))
