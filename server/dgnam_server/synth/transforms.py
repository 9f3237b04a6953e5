"""What happens to an image between the prior and the network."""

from torch import Tensor


def centre_crop(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle `size` (height, width) of image (B, 3, H, W).

    An odd remainder leaves the larger margin at the end: 256 -> 227 starts at 14, as in the released script.
    """
    height, width = size
    top, left = (image.shape[2] - height) // 2, (image.shape[3] - width) // 2
    assert top >= 0 and left >= 0, "the image is smaller than the crop"
    return image[:, :, top : top + height, left : left + width]
