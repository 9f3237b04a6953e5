"""[0, 1] RGB <-> what the network eats. A wrong range or channel order fails silently, so it has its own file."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from dgnam_models.card import Preprocessing

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as most tools turn colour into grey


class Preprocess(nn.Module):
    """`encode`: image (B, 3, H, W) float32 RGB in [0, 1] -> network input; `decode`: the way back, for a generator's output."""

    mean: Tensor
    std: Tensor
    luma: Tensor

    def __init__(self, settings: Preprocessing) -> None:
        super().__init__()
        self.size = settings.size
        self._channels = "GREY" if settings.letters == "Y" else settings.channels
        for name, values in (("mean", settings.mean), ("std", settings.std), ("luma", LUMA)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def encode(self, image: Tensor) -> Tensor:
        """`(image - mean) / std`, channels in the network's order; values beyond [0, 1] are kept."""
        assert image.shape[2:] == self.size, f"image is {tuple(image.shape[2:])}, the network takes {self.size}"
        if self._channels == "BGR":
            image = image.flip(1)
        elif self._channels == "GREY":
            image = (image * self.luma).sum(1, keepdim=True)
        elif self._channels != "RGB":
            image = self._mixed(image)
        return (image - self.mean) / self.std

    def _mixed(self, image: Tensor) -> Tensor:
        """A channel for each letter, (B, letters, H, W)."""
        held = dict(zip("RGB", image.split(1, 1), strict=True))
        if "Y" in self._channels:
            held["Y"] = (image * self.luma).sum(1, keepdim=True)
        means = self.mean.expand(len(image), -1, *image.shape[2:]).split(1, 1)
        return torch.cat([mean if letter == "0" else held[letter] for letter, mean in zip(self._channels, means, strict=True)], 1)

    def decode(self, output: Tensor) -> Tensor:
        """`output * std + mean`, channels back to RGB, not clipped."""
        image = output * self.std + self.mean
        if self._channels == "GREY":
            return image.expand(-1, 3, -1, -1)
        return image.flip(1) if self._channels == "BGR" else image


def centre_crop(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle `size` (height, width) of image (B, 3, H, W).

    An odd remainder leaves the larger margin at the end: 256 -> 227 starts at 14, as in the released script.
    """
    height, width = size
    top, left = (image.shape[2] - height) // 2, (image.shape[3] - width) // 2
    assert top >= 0 and left >= 0, "the image is smaller than the crop"
    return image[:, :, top : top + height, left : left + width]


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The whole image (B, 3, H, W) at `size` (height, width), bilinear; smoothed first where it shrinks."""
    if image.shape[2:] == size:
        return image
    if not image.is_floating_point() or image.device.type != "cpu":
        return interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
    rows, columns = (_weights(old, new, image.dtype) for old, new in zip(image.shape[2:], size, strict=True))
    flat = image.flatten(0, 1)  # (B 3, H, W); two batched products for each picture by itself, so its bits do not depend on the batch
    resized = rows.expand(len(flat), -1, -1).bmm(flat).bmm(columns.t().expand(len(flat), -1, -1))
    return resized.view(*image.shape[:2], *size)


@lru_cache(maxsize=64)
def _weights(old: int, new: int, dtype: torch.dtype) -> Tensor:
    """What each of `new` values takes of `old` ones, (new, old): bilinear resizing is linear, and one side at a time.

    As matrix products it takes a third of the time of PyTorch's own kernel forwards, a quarter with the gradient (8 x 3 x 64 x 64 to
    224 x 224, one thread).
    """
    with torch.no_grad():
        each = torch.eye(old, dtype=torch.float64)[None, None]
        return interpolate(each, (new, old), mode="bilinear", align_corners=False, antialias=True)[0, 0].to(dtype)


def crop_or_enlarge(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle `size` of an image that has it, as the released script crops; the whole of a smaller one, enlarged."""
    large_enough = image.shape[2] >= size[0] and image.shape[3] >= size[1]
    return centre_crop(image, size) if large_enough else resize(image, size)


Fit = Callable[[Tensor, tuple[int, int]], Tensor]
FITS: Mapping[str, Fit] = {"crop": crop_or_enlarge, "resize": resize}  # by a card's `fit`
