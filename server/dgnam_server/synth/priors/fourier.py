"""The image's spectrum is optimized (Olah et al. 2017, "Feature Visualization")."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.priors.prior import Size, normal
from dgnam_server.synth.priors.spectrum import colour_root, decorrelated, frequencies, recorrelated

_CALM = 4.0  # Lucid's divisor of the spectrum's image; larger ones saturate later


class FourierPrior:
    """The image's spectrum, in colours that photographs do not correlate:

        image = sigmoid( colours @ irfft2( code / max(f, 1 / max(H, W)) ) / 4 )

    The code has two values, real and imaginary, for each frequency; a step of one size changes low frequencies most.
    """

    options: ClassVar[tuple[Option, ...]] = (
        Option("noise", "Standard deviation of the noise that a spectrum starts from, where it starts from no image.", 0.0, 10.0, 0.01),
    )

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        self.scale = 1 / frequencies(size, device).clamp(min=1 / max(size))  # (H, W // 2 + 1)
        # Of real and imaginary parts side by side, as multiplying complex numbers takes longer. Dividing by 4 rounds nothing.
        self._calm_scale = (self.scale / _CALM)[..., None].repeat(1, 1, 2)
        self.colours = colour_root(device)

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """Gaussian noise of standard deviation `noise` at every frequency."""
        return settings["noise"] * normal(seed, 6 * self.scale.numel(), self.device)

    def encode(self, image: Tensor) -> Tensor:
        """The spectrum that draws image, whose values are first kept off 0 and 1, where the sigmoid never gets."""
        plain = decorrelated(image, self.colours) * _CALM
        spectrum = torch.fft.rfft2(plain, norm="ortho") / self.scale
        code: Tensor = torch.view_as_real(spectrum).flatten(1)
        return code

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W), within (0, 1)."""
        scaled = code.view(-1, 3, *self.scale.shape, 2) * self._calm_scale
        plain = torch.fft.irfft2(torch.view_as_complex(scaled), s=self.size, norm="ortho")
        return recorrelated(plain, self.colours).sigmoid()
