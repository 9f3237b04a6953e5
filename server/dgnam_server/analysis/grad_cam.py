"""Grad-CAM (Selvaraju et al. 2017): the maps of one layer, weighed by what the activation gains by them."""

from torch import Tensor
from torch.nn.functional import interpolate

from dgnam_server.analysis.attribution import Attribution, Seen


def heat(maps: Tensor, slope: Tensor) -> Tensor:
    """`max(0, sum_k a_k A_k)` with `a_k = mean_xy dS / dA_k(x, y)` (eq. 1 and 2), (B, 1, h, w); both (B, K, h, w)."""
    return (slope.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).clamp(min=0)


def finish(seen: Seen) -> Tensor:
    """The heat (1, h, w) at the picture's size, bilinear."""
    return interpolate(seen.signal[None], seen.image.shape[1:], mode="bilinear", align_corners=False)[0]


GRAD_CAM = Attribution(
    "grad-cam",
    "The maps of a layer before the unit, weighed by the mean gradient: where in the picture, as heat",
    "Selvaraju et al. 2017, Grad-CAM, arXiv 1610.02391",
    drawn="heat",
    at_layer=True,
    finish=finish,
)
