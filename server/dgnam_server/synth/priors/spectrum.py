"""What the priors of an image's spectrum share: its frequencies, and colours that photographs do not correlate."""

import torch
from torch import Tensor

from dgnam_server.synth.priors.prior import Size

# How the colours of photographs vary together, as published with Lucid (Olah et al. 2017): the root of their covariance. Its columns are
# brightness, blue against red, and green against the others.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


def frequencies(size: Size, device: torch.device) -> Tensor:
    """(H, W // 2 + 1): cycles per pixel of each entry of a real image's spectrum."""
    down, across = torch.fft.fftfreq(size[0], device=device), torch.fft.rfftfreq(size[1], device=device)
    frequency: Tensor = (down[:, None].square() + across.square()).sqrt()
    return frequency


def colour_root(device: torch.device) -> Tensor:
    """(3, 3): the root of the colours' covariance, its longest column of length 1."""
    root = torch.tensor(_COLOURS, device=device)
    scaled: Tensor = root / root.norm(dim=0).max()
    return scaled


def recorrelated(plain: Tensor, colours: Tensor) -> Tensor:
    """Decorrelated colours (B, 3, H, W) -> the logits of RGB."""
    image: Tensor = colours.expand(len(plain), -1, -1).bmm(plain.flatten(2))
    return image.view_as(plain)


def decorrelated(image: Tensor, colours: Tensor) -> Tensor:
    """RGB (B, 3, H, W), first kept off 0 and 1, where the sigmoid never gets -> the decorrelated colours of its logits."""
    plain: Tensor = torch.einsum("cr,brhw->bchw", colours.inverse(), image.clamp(0.01, 0.99).logit())
    return plain
