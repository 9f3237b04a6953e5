"""Order and augmentation depend on seed and step alone."""

import torch
from dgnam_models.lab.train import data
from dgnam_models.lab.train.config import Augmentation


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    seen = torch.cat([data.batch_indices(10, 4, step, seed=3) for step in range(5)])
    first, second = seen[:10], seen[10:]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()
    assert torch.equal(data.batch_indices(10, 4, 3, seed=3), seen[12:16])
    assert not torch.equal(data.batch_indices(10, 10, 0, seed=4), first)


def test_augmentation_is_a_function_of_seed_and_step() -> None:
    pixels = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    one, again, other = (data.augment(pixels, step, 0, Augmentation(3, True, 0.2)) for step in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == (6, 3, 16, 16)
    assert one.dtype == torch.float32
    assert one.min() >= 0
    assert one.max() <= 1


def test_without_augmentation_the_pixels_come_through() -> None:
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(data.augment(pixels, 0, 0, Augmentation(0, False)), pixels.float() / 255)


def test_crops_are_windows_of_the_padded_picture() -> None:
    pixels = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).expand(20, 3, 8, 8).contiguous()
    crops = data.augment(pixels, 0, 0, Augmentation(2, False)) * 255
    padded = torch.nn.functional.pad(pixels[:1].float(), [2] * 4, mode="reflect")
    windows = {tuple(padded[0, 0, y : y + 8, x : x + 8].flatten().tolist()) for y in range(5) for x in range(5)}
    assert {tuple(crop[0].round().flatten().tolist()) for crop in crops} <= windows
    assert len({tuple(crop[0].round().flatten().tolist()) for crop in crops}) > 5
