"""The photographs that a training step sees, and how they are augmented.

The order and every random choice are pure functions of (seed, step), so a resumed run sees exactly what an uninterrupted one would.
"""

import torch
from torch import Tensor

from dgnam_models.lab.train.config import Augmentation, Recipe
from dgnam_models.photographs import Photographs


def training_batch(recipe: Recipe, photographs: Photographs, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The images (B, 3, S, S) in [0, 1] and labels (B,) of step `step`: a pure function of the recipe and the step."""
    picked = batch_indices(len(photographs), recipe.batch, step, recipe.seed)
    pixels, labels = (values[picked].to(device) for values in (photographs.pixels, photographs.labels))
    return augment(pixels, step, recipe.seed, recipe.augmentation), labels


def batch_indices(total: int, batch: int, step: int, seed: int) -> Tensor:
    """Which images step `step` sees: (batch,) indices. Every epoch is a fresh permutation; a batch may straddle two epochs."""
    positions = torch.arange(step * batch, (step + 1) * batch)
    epochs = positions // total
    picked = torch.empty(batch, dtype=torch.int64)
    for epoch in epochs.unique().tolist():
        order = torch.randperm(total, generator=_generator(seed, epoch))
        here = epochs == epoch
        picked[here] = order[positions[here] % total]
    return picked


def augment(pixels: Tensor, step: int, seed: int, how: Augmentation) -> Tensor:
    """Random crops after reflection padding, mirror images, brightness and contrast.

    Computed where the pixels are; the random numbers come from the processor, so that they are the same everywhere.

    Args:
        pixels: (B, 3, S, S) uint8.

    Returns:
        (B, 3, S, S) float32 in [0, 1], channels last.
    """
    random = _generator(seed, step)
    rows, _, size, _ = pixels.shape
    image = pixels.float().div_(255)
    if how.crop_px:
        padded = torch.nn.functional.pad(image, [how.crop_px] * 4, mode="reflect")
        offsets = torch.randint(0, 2 * how.crop_px + 1, (rows, 2), generator=random).to(image.device)
        span = torch.arange(size, device=image.device)
        y = (offsets[:, :1] + span)[:, None, :, None]
        x = (offsets[:, 1:] + span)[:, None, None, :]
        row, channel = torch.arange(rows, device=image.device), torch.arange(3, device=image.device)
        image = padded[row[:, None, None, None], channel[None, :, None, None], y, x]
    if how.flip:
        mirrored = (torch.rand(rows, generator=random) < 0.5).to(image.device)
        image = torch.where(mirrored[:, None, None, None], image.flip(3), image)
    if how.colour:
        gain, shift = (torch.rand(2, rows, 1, 1, 1, generator=random).to(image.device) * 2 - 1) * how.colour
        mean = image.mean(dim=(1, 2, 3), keepdim=True)
        image = ((image - mean) * (1 + gain) + mean + shift * 0.5).clamp_(0, 1)
    return image.contiguous(memory_format=torch.channels_last)


def _generator(seed: int, position: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + position)
