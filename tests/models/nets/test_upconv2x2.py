"""The generator of 2x2 codes: how it begins, its blur, and one block more."""

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


def test_a_code_is_read_as_features_of_two_by_two_places() -> None:
    """Through the map alone, a place of the code changes that quarter of the picture most."""
    module = nets.build("upconv2x2", {**SIZES, "channels": [8, 8, 6]}).eval()
    for name, parameter in module.named_parameters():
        torch.nn.init.constant_(parameter, 0.0 if name.startswith("dense") else 0.1)
    plain = torch.rand(12)
    changes = torch.eye(4).repeat(1, 3)  # row by row, one place of every feature
    difference = (module(plain + changes) - module(plain[None])).abs().sum(1)
    quarters = torch.nn.functional.avg_pool2d(difference, 8).flatten(1)
    assert quarters.argmax(1).tolist() == [0, 1, 2, 3]


def test_it_may_carry_a_denoiser_and_says_how_long_its_code_is() -> None:
    module = nets.build("upconv2x2", {**SIZES, "channels": [8, 6], "denoiser": {"components": 3, "width": 8, "blocks": 1}})
    assert module.denoiser.components == 3 and module.code_shape == (12,)
    with pytest.raises(ValueError, match="multiple of 4"):
        nets.build("upconv2x2", {**SIZES, "code": 10, "channels": [8, 6]})
