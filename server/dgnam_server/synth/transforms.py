"""How an image gets the size that a network takes."""

from dgnam_models.preprocess import centre_crop as centre_crop  # the training's own
from torch import Tensor
from torch.nn.functional import interpolate


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The whole image (B, 3, H, W) at `size` (height, width), bilinear; smoothed first where it shrinks."""
    if image.shape[2:] == size:
        return image
    return interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
