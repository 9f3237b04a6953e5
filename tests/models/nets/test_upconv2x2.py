"""The generator of codes of a few places: how it begins, its blur, and one block more."""

import pytest
import torch
from dgnam_models import nets
from dgnam_models.nets.upconv2x2 import Blur

SIZES = {"code": 12, "reduced": 4, "hidden": 10, "grain": 2}


def test_the_blur_removes_a_checkerboard_and_keeps_a_flat_image_up_to_its_border() -> None:
    blur = Blur(6)
    torch.testing.assert_close(blur(3 * torch.ones(1, 2, 6, 6)), 3 * torch.ones(1, 2, 6, 6))
    board = (-1.0) ** (torch.arange(6)[:, None] + torch.arange(6))
    torch.testing.assert_close(blur(board.expand(1, 2, 6, 6))[..., 1:5, 1:5], torch.zeros(1, 2, 4, 4))
    corner = torch.zeros(1, 1, 6, 6)
    corner[..., 0, 0] = 9
    torch.testing.assert_close(blur(corner)[0, 0, :2, :2], torch.tensor([[4.0, 1.5], [1.5, 0.5625]]))  # (2, 1) / 3 and 1 / 4 of a line


def test_one_more_block_doubles_the_picture() -> None:
    code = torch.rand(2, 12)
    for channels, side in (([8, 6], 8), ([8, 6, 4], 16), ([8, 6, 4, 4, 2, 2], 128)):
        assert nets.build("upconv2x2", {**SIZES, "channels": channels}).eval()(code).shape == (2, 3, side, side)


@pytest.mark.parametrize("places", [2, 4])
def test_a_code_is_read_as_features_of_its_places(places: int) -> None:
    """Through the map alone, what a place of the code changes lies below and right of what the places above and left of it change."""
    module = nets.build("upconv2x2", {**SIZES, "code": 3 * places**2, "places": places, "channels": [8, 8, 6]}).eval()
    for name, parameter in module.named_parameters():
        torch.nn.init.constant_(parameter, 0.0 if name.startswith("dense") else 0.1)
    plain = torch.rand(3 * places**2)
    changes = torch.eye(places**2).repeat(1, 3)  # row by row, one place of every feature
    difference = (module(plain + changes) - module(plain[None])).abs().sum(1)
    along = torch.arange(16.0)
    row, column = (difference.sum(axis) @ along / difference.sum((1, 2)) for axis in (2, 1))
    for middle in (row.view(places, places), column.view(places, places).T):
        assert (middle.diff(dim=0) > 0.5).all(), middle


def test_a_code_without_places_may_change_all_of_the_picture() -> None:
    module = nets.build("upconv2x2", {**SIZES, "code": 5, "places": 1, "channels": [8, 8, 6]}).eval()
    for name, parameter in module.named_parameters():
        if name.startswith("dense"):
            torch.nn.init.zeros_(parameter)
    code = torch.rand(5)
    assert ((module(code + torch.eye(5)) - module(code[None])).abs().sum(1) > 0).float().mean() > 0.9


def test_a_picture_may_be_blurred_at_the_end() -> None:
    sharp, blurred = (nets.build("upconv2x2", {**SIZES, "channels": [8, 6, 6], "blurred": blurred}).eval() for blurred in (False, True))
    blurred.load_state_dict(sharp.state_dict())
    code = torch.rand(4, 12)
    torch.testing.assert_close(blurred(code), Blur(16)(sharp(code)))


def test_noise_may_be_weaker_than_in_training() -> None:
    channels = {"channels": [8, 6, 6]}
    plain, weaker = (nets.build("upconv2x2", {**SIZES, **channels, **more}).eval() for more in ({}, {"grain_strength": [1.0, 0.5]}))
    weaker.load_state_dict(plain.state_dict())
    code = torch.rand(4, 12)
    assert not torch.equal(weaker(code), plain(code))
    torch.nn.init.constant_(weaker.blocks[1].grain.weight, 0.2)
    torch.nn.init.constant_(plain.blocks[1].grain.weight, 0.1)
    torch.testing.assert_close(weaker(code), plain(code))
    with pytest.raises(ValueError, match="grain_strength has 1 numbers; there are 2 blocks"):
        nets.build("upconv2x2", {**SIZES, **channels, "grain_strength": [0.5]})


def test_it_may_carry_a_denoiser_and_says_how_long_its_code_is() -> None:
    module = nets.build("upconv2x2", {**SIZES, "channels": [8, 6], "denoiser": {"components": 3, "width": 8, "blocks": 1}})
    assert module.denoiser.components == 3 and module.code_shape == (12,)
    with pytest.raises(ValueError, match="multiple of 4"):
        nets.build("upconv2x2", {**SIZES, "code": 10, "channels": [8, 6]})
    with pytest.raises(ValueError, match="places is 3; a code has 1, 2 or 4 a side"):
        nets.build("upconv2x2", {**SIZES, "places": 3, "channels": [8, 6]})
