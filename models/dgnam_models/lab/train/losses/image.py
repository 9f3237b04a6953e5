"""How far a drawn picture is from the photograph, pixel by pixel."""

from torch import Tensor
from torch.nn.functional import mse_loss


def image_error(drawn: Tensor, real: Tensor) -> Tensor:
    """`mean (drawn - real)^2` over images (B, 3, H, W) in [-1, 1] (Dosovitskiy & Brox 2016, eq. 4, as a mean instead of a sum)."""
    return mse_loss(drawn, real)
