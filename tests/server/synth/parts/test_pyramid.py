"""The spatial pyramid against its equation written out."""

from itertools import pairwise

import torch
from dgnam_server.synth import pyramids
from dgnam_server.synth.parts.pyramid import balanced
from torch import Tensor


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def columns(*values: float) -> list[Tensor]:
    return [torch.tensor([value], dtype=torch.float64) for value in values]


def test_balancing_is_equation_8_written_out() -> None:
    gradient = noise(1, 3, 16, 16)
    levels = pyramids.gaussian(gradient, 3)
    bands = [fine - pyramids.expand(coarse, pyramids.size_of(fine)) for fine, coarse in pairwise(levels)] + levels[-1:]

    def full(image: Tensor) -> Tensor:
        for size in (8, 16):
            if image.shape[2] < size:
                image = pyramids.expand(image, (size, size))
        return image

    expected = sum(2 * full(band / band.std(unbiased=False)) for band in bands)
    expected += sum(0.5 * full(level / level.std(unbiased=False)) for level in levels)
    torch.testing.assert_close(balanced(gradient, *columns(2, 0.5, 3)), expected)


def test_balancing_raises_low_frequencies() -> None:
    gradient = noise(1, 3, 64, 64)

    def low(image: Tensor) -> float:
        spectrum = torch.fft.fft2(image).abs().square()
        return float(spectrum[..., :3, :3].sum() / spectrum.sum())

    assert low(balanced(gradient, *columns(1, 0, 4))) > 10 * low(gradient)
    assert low(balanced(gradient, *columns(0, 1, 4))) > 10 * low(gradient)


def test_rows_with_other_levels_and_weights_are_as_alone() -> None:
    gradient = noise(3, 3, 20, 24)
    weights = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.0, 1.0, 0.5]), torch.tensor([4.0, 2.0, 99.0])
    together = balanced(gradient, *weights)
    for row in range(3):
        alone = balanced(gradient[row : row + 1], *(weight[row : row + 1] for weight in weights))
        torch.testing.assert_close(together[row], alone[0])
