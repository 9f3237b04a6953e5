"""Pyramids by hand."""

import torch
from dgnam_server.synth import pyramids


def test_reduce_and_expand_by_hand() -> None:
    line = torch.tensor([0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0]).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    # kernel 1 3 3 1 over 8, between pixels 0 and 1, 2 and 3, ...
    torch.testing.assert_close(pyramids.reduce(line)[0, 0, 0], torch.tensor([1.0, 3.0, 0.0, 0.0]))
    coarse = torch.tensor([0.0, 4.0, 0.0, 0.0]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    torch.testing.assert_close(pyramids.expand(coarse, (8, 8))[0, 0, 0], torch.tensor([0.0, 1.0, 3.0, 3.0, 1.0, 0.0, 0.0, 0.0]))
    flat = torch.full((1, 2, 6, 6), 0.3)
    torch.testing.assert_close(pyramids.expand(pyramids.reduce(flat), (6, 6)), flat)


def test_every_level_is_half_of_the_one_before_and_the_last_has_two_pixels() -> None:
    image = torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(0))
    levels = pyramids.gaussian(image, pyramids.depth((37, 50)))
    assert [pyramids.size_of(level) for level in levels] == [(37, 50), (18, 25), (9, 12), (4, 6), (2, 3)]
    assert levels[0] is image
    torch.testing.assert_close(levels[2], pyramids.reduce(pyramids.reduce(image)))


def test_no_more_levels_are_made_than_a_row_asks_for() -> None:
    assert pyramids.deepest(torch.tensor([2.0, 4.0]), (224, 224)) == 4
    assert pyramids.deepest(torch.tensor([0.0]), (224, 224)) == 1
    assert pyramids.deepest(torch.tensor([99.0]), (20, 24)) == pyramids.depth((20, 24))
