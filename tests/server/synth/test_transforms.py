"""How pictures get the size that networks take."""

import torch
from dgnam_server.synth.transforms import centre_crop, resize


def test_a_picture_that_fits_is_left_alone() -> None:
    image = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    assert resize(image, (16, 24)) is image
    assert resize(image, (8, 9)).shape == (1, 3, 8, 9)


def test_larger_pictures_are_cropped_in_the_middle() -> None:
    image = torch.arange(256.0).view(1, 1, 1, 256).expand(1, 3, 256, 256)
    for size, offset in [(227, 14), (224, 16), (256, 0)]:
        crop = centre_crop(image, (size, size))
        assert crop.shape == (1, 3, size, size)
        assert crop[0, 0, 0, 0] == offset
