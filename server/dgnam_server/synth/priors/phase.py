"""Only the phases of the image's spectrum are optimized (MaCo, Fel et al. 2023)."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.priors.prior import Size, normal
from dgnam_server.synth.priors.spectrum import colour_root, decorrelated, frequencies, recorrelated

# Photographs' mean magnitude spectrum in decorrelated colours, fitted by a * f^-b, f in cycles per pixel: (a, b) of each of the three.
# Measured on 4000 photographs of 100 kinds of things, 64 x 64; the fit explains 84 to 88 % of the logarithm's variance.
_MAGNITUDES = ((0.349, 0.967), (0.246, 1.033), (0.377, 0.941))


class PhasePrior:
    """The phases of the image's spectrum; its magnitudes are photographs' mean ones (Fel et al. 2023, section 3).

        image = sigmoid( colours @ irfft2( magnitude(f) * exp(i code) ) )

    No frequency can grow beyond what photographs have of it, so nothing else has to keep noise down.
    """

    options: ClassVar[tuple[Option, ...]] = (
        Option("noise", "Standard deviation in radians of the phases that a picture starts from, without an image.", 0.0, 10.0, 1.0),
    )

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        frequency = frequencies(size, device).clamp(min=1 / max(size))
        self.magnitude = torch.stack([a * frequency**-b for a, b in _MAGNITUDES])  # (3, H, W // 2 + 1)
        self.magnitude[:, 0, 0] = 0  # the mean is mid-grey
        self.colours = colour_root(device)

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """Gaussian phases of standard deviation `noise`."""
        return settings["noise"] * normal(seed, self.magnitude.numel(), self.device)

    def encode(self, image: Tensor) -> Tensor:
        """The phases of image; its magnitudes are lost."""
        code: Tensor = torch.fft.rfft2(decorrelated(image, self.colours), norm="ortho").angle().flatten(1)
        return code

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W), within (0, 1)."""
        spectrum = torch.polar(self.magnitude, code.view(-1, *self.magnitude.shape))
        plain = torch.fft.irfft2(spectrum, s=self.size, norm="ortho")
        return recorrelated(plain, self.colours).sigmoid()
