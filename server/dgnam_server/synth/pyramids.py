"""Gaussian pyramids of image batches (Burt & Adelson 1983).

Reducing averages with the binomial kernel 1 3 3 1 and keeps every other pixel; expanding is bilinear, which is the same kernel again.
A kernel of even length keeps the two grids centred on each other. The paper does not name its kernel.
"""

from dgnam_models.preprocess import resize
from torch import Tensor
from torch.nn.functional import pad

Size = tuple[int, int]


def depth(size: Size) -> int:
    """How many levels a pyramid of an image of `size` (height, width) can have: the last is at least 2 pixels wide."""
    return max(1, min(size).bit_length() - 1)


def deepest(levels: Tensor, size: Size) -> int:
    """The most that any row's `levels` (B,) asks for, at most `depth(size)`; no fewer than 1.

    Only a processor is asked. Elsewhere the answer would have to be waited for, so there it is the depth.
    """
    most = depth(size)
    return max(1, min(most, int(levels.max()))) if levels.device.type == "cpu" else most


def reduce(image: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H // 2, W // 2): smoothed, every other pixel kept; border pixels are repeated outwards."""
    wide = pad(image, (1, 1, 1, 1), mode="replicate")
    for axis in (3, 2):  # as sums of every other column, then row, it takes half the time of a convolution, or less
        first, second, third, fourth = (_every_other(wide, axis, start) for start in range(4))
        wide = (first + fourth).add_(second + third, alpha=3)
    return wide / 64


def _every_other(image: Tensor, axis: int, start: int) -> Tensor:
    """Every other line of `axis` from `start` on, of which at most three are left over at the end."""
    kept = (image.shape[axis] - 2) // 2
    index = [slice(None)] * image.ndim
    index[axis] = slice(start, start + 2 * kept - 1, 2)
    return image[tuple(index)]


def expand(image: Tensor, size: Size) -> Tensor:
    """(B, C, h, w) -> (B, C, *size), bilinear, no smaller."""
    return resize(image, size)


def gaussian(image: Tensor, levels: int) -> list[Tensor]:
    """`GP_1 = image, GP_{k+1} = reduce(GP_k)` (Pan et al. 2017, section 3.1, fig. 1); every level is half the size of the one before."""
    found = [image]
    while len(found) < levels:
        found.append(reduce(found[-1]))
    return found


def size_of(image: Tensor) -> Size:
    """Height and width."""
    return image.shape[2], image.shape[3]
