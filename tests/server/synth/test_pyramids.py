"""Pyramids: decomposed and summed they are their image; balancing, coarse gradients and blur by hand."""

import pytest
import torch
from dgnam_server.synth import pyramids
from torch import Tensor


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(64, 64), (37, 50), (8, 9)])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_laplacian_pyramid_summed_is_its_image(size: tuple[int, int], levels: int) -> None:
    image = noise(2, 3, *size)
    parts = pyramids.laplacian(image, levels)
    assert len(parts) == levels
    torch.testing.assert_close(pyramids.total(parts), image)


def test_reduce_and_expand_by_hand() -> None:
    line = torch.tensor([0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0]).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    # kernel 1 3 3 1 over 8, between pixels 0 and 1, 2 and 3, ...
    torch.testing.assert_close(pyramids.reduce(line)[0, 0, 0], torch.tensor([1.0, 3.0, 0.0, 0.0]))
    coarse = torch.tensor([0.0, 4.0, 0.0, 0.0]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    torch.testing.assert_close(pyramids.expand(coarse, (8, 8))[0, 0, 0], torch.tensor([0.0, 1.0, 3.0, 3.0, 1.0, 0.0, 0.0, 0.0]))
    flat = torch.full((1, 2, 6, 6), 0.3)
    torch.testing.assert_close(pyramids.expand(pyramids.reduce(flat), (6, 6)), flat)


def columns(*values: float) -> list[Tensor]:
    return [torch.tensor([value], dtype=torch.float64) for value in values]


def test_balancing_is_equation_8_written_out() -> None:
    gradient = noise(1, 3, 16, 16)
    bands = pyramids.laplacian(gradient, 3)
    levels = pyramids.gaussian(gradient, 3)

    def full(image: Tensor) -> Tensor:
        for size in (8, 16):
            if image.shape[2] < size:
                image = pyramids.expand(image, (size, size))
        return image

    expected = sum(2 * full(band / band.std(unbiased=False)) for band in bands)
    expected += sum(0.5 * full(level / level.std(unbiased=False)) for level in levels)
    torch.testing.assert_close(pyramids.balanced(gradient, *columns(2, 0.5, 3)), expected)


def test_balancing_raises_low_frequencies() -> None:
    gradient = noise(1, 3, 64, 64)

    def low(image: Tensor) -> float:
        spectrum = torch.fft.fft2(image).abs().square()
        return float(spectrum[..., :3, :3].sum() / spectrum.sum())

    assert low(pyramids.balanced(gradient, *columns(1, 0, 4))) > 10 * low(gradient)
    assert low(pyramids.balanced(gradient, *columns(0, 1, 4))) > 10 * low(gradient)


def test_rows_with_other_levels_and_weights_are_as_alone() -> None:
    gradient = noise(3, 3, 20, 24)
    weights = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.0, 1.0, 0.5]), torch.tensor([4.0, 2.0, 99.0])
    together = pyramids.balanced(gradient, *weights)
    for row in range(3):
        alone = pyramids.balanced(gradient[row : row + 1], *(weight[row : row + 1] for weight in weights))
        torch.testing.assert_close(together[row], alone[0])


def test_a_coarse_gradient_is_that_of_the_smaller_image() -> None:
    image = noise(1, 3, 4, 4).requires_grad_()
    weight = noise(1, 3, 16, 16)
    large = pyramids.expand(pyramids.expand(image, (8, 8)), (16, 16))
    (gradient,) = torch.autograd.grad((large * weight).sum(), image)
    step = pyramids.expand(pyramids.expand(gradient, (8, 8)), (16, 16))
    found = pyramids.coarse(weight, torch.tensor([2]))
    torch.testing.assert_close(found, step / 16)
    torch.testing.assert_close(pyramids.coarse(weight, torch.tensor([0])), weight)


def test_blur_by_hand() -> None:
    dot = torch.zeros(2, 1, 9, 9, dtype=torch.float64)
    dot[:, :, 4, 4] = 1
    found = pyramids.blur(dot, torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(found[0], dot[0])
    profile = torch.exp(-(torch.arange(-4.0, 5.0, dtype=torch.float64) ** 2) / 2)
    expected = profile[:, None] * profile
    torch.testing.assert_close(found[1, 0] / found[1, 0, 4, 4], expected, rtol=1e-3, atol=1e-3)
    flat = torch.full((1, 3, 5, 7), 0.2)
    torch.testing.assert_close(pyramids.blur(flat, torch.tensor([3.0])), flat)
