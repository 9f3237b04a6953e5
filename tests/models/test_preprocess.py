"""Ranges and channel orders, by numbers."""

import pytest
import torch
from dgnam_models.card import Preprocessing
from dgnam_models.preprocess import FITS, Preprocess, centre_crop, crop_or_enlarge, resize

IMAGE = torch.tensor([0.2, 0.4, 0.8]).view(1, 3, 1, 1)  # red, green, blue


def test_encode_subtracts_and_divides_in_the_networks_channel_order() -> None:
    rgb = Preprocess(Preprocessing((1, 1), "RGB", (0.1, 0.2, 0.3), (0.5, 0.5, 0.25)))
    bgr = Preprocess(Preprocessing((1, 1), "BGR", (0.1, 0.2, 0.3), (0.5, 0.5, 0.25)))
    torch.testing.assert_close(rgb.encode(IMAGE).flatten(), torch.tensor([0.2, 0.4, 2.0]))
    torch.testing.assert_close(bgr.encode(IMAGE).flatten(), torch.tensor([1.4, 0.4, -0.4]))


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_decode_is_the_way_back_and_does_not_clip(order: str) -> None:
    preprocess = Preprocess(Preprocessing((1, 1), order, (0.1, 0.2, 0.3), (0.5, 0.5, 0.25)))  # type: ignore[arg-type]
    torch.testing.assert_close(preprocess.decode(preprocess.encode(IMAGE * 3)), IMAGE * 3)


def test_a_picture_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"image is \(1, 1\), the network takes \(2, 2\)"):
        Preprocess(Preprocessing((2, 2))).encode(IMAGE)


def test_grey_is_weighted_as_the_eye_does_and_drawn_in_three_channels() -> None:
    grey = Preprocess(Preprocessing((1, 1), "GREY", (0.1,), (0.5,)))
    torch.testing.assert_close(grey.encode(IMAGE).flatten(), torch.tensor([(0.2 * 0.299 + 0.4 * 0.587 + 0.8 * 0.114 - 0.1) / 0.5]))
    torch.testing.assert_close(grey.decode(torch.full((1, 1, 1, 1), 2.0)), torch.full((1, 3, 1, 1), 1.1))


def test_a_larger_picture_is_cropped_as_the_released_script_crops_and_a_smaller_one_is_enlarged() -> None:
    image = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    assert torch.equal(FITS["crop"](image, (227, 227)), image[:, :, 14:241, 14:241])
    assert torch.equal(crop_or_enlarge(image, (256, 256)), image)
    small = centre_crop(image, (64, 64))
    enlarged = torch.nn.functional.interpolate(small, (224, 224), mode="bilinear", align_corners=False)
    torch.testing.assert_close(crop_or_enlarge(small, (224, 224)), enlarged)
    torch.testing.assert_close(FITS["resize"](small, (224, 224)), enlarged)
    assert crop_or_enlarge(image, (128, 300)).shape == (2, 3, 128, 300), "too narrow: the whole of it"


def test_resizing_smooths_what_it_shrinks_and_has_a_gradient() -> None:
    stripes = (torch.arange(32) % 2).float().expand(1, 3, 32, 32).clone().requires_grad_()
    shrunk = resize(stripes, (8, 8))
    torch.testing.assert_close(shrunk[..., 1:-1], torch.full((1, 3, 8, 6), 0.5), rtol=0, atol=0.02)
    (gradient,) = torch.autograd.grad(shrunk.sum(), stripes)
    torch.testing.assert_close(gradient.sum(), torch.tensor(3.0 * 64))
