"""Colours that are altered alike in pictures that a critic compares, so that it cannot learn the photographs by heart."""

import torch
from torch import Tensor

BRIGHTNESS, SATURATION, CONTRAST = 0.15, 0.5, 0.25  # the most that is added; the most by which a factor differs from 1


def colour_jitter(pictures: tuple[Tensor, ...], amount: float) -> list[Tensor]:
    """Change brightness, saturation and contrast of every row of `pictures`, each (B, 3, H, W): the same for row b of each of them.

    `x + b`, then `(x - grey) s + grey`, then `(x - mean) c + mean`, grey the mean of a pixel's channels and mean that of the whole picture
    (Zhao et al. 2020, arXiv 2006.10738, at `amount` 1 in half of their ranges or less). Gradients pass.

    Random source: torch's own on the processor, which the run seeds at every step.
    """
    drawn = (torch.rand(3, len(pictures[0]), 1, 1, 1) * 2 - 1) * amount
    brightness, saturation, contrast = drawn.to(pictures[0].device) * drawn.new_tensor([BRIGHTNESS, SATURATION, CONTRAST]).view(
        3, 1, 1, 1, 1
    )
    altered = []
    for picture in pictures:
        x = picture + brightness
        grey = x.mean(1, keepdim=True)
        x = (x - grey) * (1 + saturation) + grey
        mean = x.mean((1, 2, 3), keepdim=True)
        altered.append((x - mean) * (1 + contrast) + mean)
    return altered
