"""How far a drawn picture is from the photograph in what lies where: both seen very small."""

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, mse_loss

SIZE = 16  # pixels; of anything finer, features and critic are the better judges


def layout_error(drawn: Tensor, real: Tensor) -> Tensor:
    """`mean (s(drawn) - s(real))^2`, s the mean over each of 16 x 16 squares, over images (B, 3, H, W) in [0, 1]."""
    return mse_loss(adaptive_avg_pool2d(drawn, SIZE), adaptive_avg_pool2d(real, SIZE))
