"""Image parametrisations: what is optimized, and how it becomes a picture."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from dgnam_models import Generator, Network
from torch import Tensor

Size = tuple[int, int]
GREY = 0.5


class Prior(Protocol):
    """What every parametrisation can do; a code is always a flat row of numbers, (B, D)."""

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """(1, D): where a row starts when nothing else is given."""

    def encode(self, image: Tensor) -> Tensor:
        """Image (B, 3, H, W) in [0, 1] -> the code (B, D) that draws it, as nearly as it can."""

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W) float32 RGB, nominally in [0, 1], not clipped."""


class GeneratorPrior:
    """A generator's code (B, D), kept inside the range of real photographs' codes (Nguyen et al. 2016, section 2).

    Args:
        encoder: the network whose activations the generator inverts; only starting from an image needs it.
    """

    def __init__(self, generator: Generator, encoder: Network | None = None) -> None:
        self.generator, self.encoder = generator, encoder

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """(1, D) standard normal values, not clipped, as the released script starts; of a signed code, normal with its own mean and std.

        The mean code for a method that adds its own noise to what it starts from.
        """
        if "noise_level" in settings:
            return self.generator.code_mean[None].clone()
        normal = _normal(seed, self.generator.code_size, self.generator.code_mean.device)
        return self.generator.code_mean + self.generator.code_std * normal if self.signed else normal

    def encode(self, image: Tensor) -> Tensor:
        """The encoder's activations for image, (B, D)."""
        assert self.encoder is not None and self.generator.card.code is not None
        tap = self.generator.card.code.tap
        return self.encoder.activations(image, [tap])[tap].flatten(1)

    @property
    def signed(self) -> bool:
        """Whether code units may be negative."""
        assert self.generator.card.code is not None
        return self.generator.card.code.signed

    def bounds(self, multiplier: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D) each: 0, or of a signed code `mean - multiplier * std`, and `mean + multiplier * std`; multiplier (B,).

        The upper bound is that of Nguyen et al. 2016, section 2.2; 3 is the paper's multiplier.
        """
        mean, reach = self.generator.code_mean, multiplier[:, None] * self.generator.code_std
        return mean - reach if self.signed else torch.zeros_like(reach), mean + reach

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W) float32 RGB, nominally in [0, 1], not clipped."""
        image: Tensor = self.generator(code)
        return image


class PixelPrior:
    """The pixels themselves: the code is the image, minus mid-grey, in rows (3, H, W)."""

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """Gaussian noise about mid-grey, of standard deviation `noise`."""
        return settings["noise"] * _normal(seed, 3 * self.size[0] * self.size[1], self.device)

    def encode(self, image: Tensor) -> Tensor:
        """The image's own pixels."""
        return (image - GREY).flatten(1)

    def image_of(self, code: Tensor) -> Tensor:
        """Code (B, D) as an image (B, 3, H, W) about zero."""
        return code.view(-1, 3, *self.size)

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W)."""
        return self.image_of(code) + GREY


# How the colours of photographs vary together, as published with Lucid (Olah et al. 2017): the root of their covariance. Its columns are
# brightness, blue against red, and green against the others.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
_CALM = 4.0  # Lucid's divisor of the spectrum's image; larger ones saturate later


class FourierPrior:
    """The image's spectrum, in colours that photographs do not correlate (Olah et al. 2017, "Feature Visualization").

        image = sigmoid( colours @ irfft2( code / max(f, 1 / max(H, W)) ) / 4 )

    The code has two values, real and imaginary, for each frequency; a step of one size changes low frequencies most.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        self.scale = 1 / _frequencies(size, device).clamp(min=1 / max(size))  # (H, W // 2 + 1)
        self.colours = _colour_root(device)

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """Gaussian noise of standard deviation `noise` at every frequency."""
        return settings["noise"] * _normal(seed, 6 * self.scale.numel(), self.device)

    def encode(self, image: Tensor) -> Tensor:
        """The spectrum that draws image, whose values are first kept off 0 and 1, where the sigmoid never gets."""
        plain = _decorrelated(image, self.colours) * _CALM
        spectrum = torch.fft.rfft2(plain, norm="ortho") / self.scale
        code: Tensor = torch.view_as_real(spectrum).flatten(1)
        return code

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W), within (0, 1)."""
        spectrum = torch.view_as_complex(code.view(-1, 3, *self.scale.shape, 2)) * self.scale
        plain = torch.fft.irfft2(spectrum, s=self.size, norm="ortho") / _CALM
        return _recorrelated(plain, self.colours).sigmoid()


# Photographs' mean magnitude spectrum in decorrelated colours, fitted by a * f^-b, f in cycles per pixel: (a, b) of each of the three.
# Measured on 4000 photographs of 100 kinds of things, 64 x 64; the fit explains 84 to 88 % of the logarithm's variance.
_MAGNITUDES = ((0.349, 0.967), (0.246, 1.033), (0.377, 0.941))


class PhasePrior:
    """Only the phases of the image's spectrum; its magnitudes are photographs' mean ones (MaCo, Fel et al. 2023, section 3).

        image = sigmoid( colours @ irfft2( magnitude(f) * exp(i code) ) )

    No frequency can grow beyond what photographs have of it, so nothing else has to keep noise down.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        frequency = _frequencies(size, device).clamp(min=1 / max(size))
        self.magnitude = torch.stack([a * frequency**-b for a, b in _MAGNITUDES])  # (3, H, W // 2 + 1)
        self.magnitude[:, 0, 0] = 0  # the mean is mid-grey
        self.colours = _colour_root(device)

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """Gaussian phases of standard deviation `noise`."""
        return settings["noise"] * _normal(seed, self.magnitude.numel(), self.device)

    def encode(self, image: Tensor) -> Tensor:
        """The phases of image; its magnitudes are lost."""
        code: Tensor = torch.fft.rfft2(_decorrelated(image, self.colours), norm="ortho").angle().flatten(1)
        return code

    def draw(self, code: Tensor) -> Tensor:
        """Code (B, D) -> image (B, 3, H, W), within (0, 1)."""
        spectrum = torch.polar(self.magnitude, code.view(-1, *self.magnitude.shape))
        plain = torch.fft.irfft2(spectrum, s=self.size, norm="ortho")
        return _recorrelated(plain, self.colours).sigmoid()


def _normal(seed: int, count: int, device: torch.device) -> Tensor:
    """(1, count) standard normal values.

    Random source: a numpy generator of its own; torch's would look at the seed's lower 32 bits only.
    """
    values = np.random.default_rng(seed).standard_normal((1, count), dtype=np.float32)
    return torch.from_numpy(values).to(device)


def _frequencies(size: Size, device: torch.device) -> Tensor:
    """(H, W // 2 + 1): cycles per pixel of each entry of a real image's spectrum."""
    down, across = torch.fft.fftfreq(size[0], device=device), torch.fft.rfftfreq(size[1], device=device)
    frequency: Tensor = (down[:, None].square() + across.square()).sqrt()
    return frequency


def _colour_root(device: torch.device) -> Tensor:
    root = torch.tensor(_COLOURS, device=device)
    scaled: Tensor = root / root.norm(dim=0).max()
    return scaled


def _recorrelated(plain: Tensor, colours: Tensor) -> Tensor:
    image: Tensor = torch.einsum("rc,bchw->brhw", colours, plain)
    return image


def _decorrelated(image: Tensor, colours: Tensor) -> Tensor:
    plain: Tensor = torch.einsum("cr,brhw->bchw", colours.inverse(), image.clamp(0.01, 0.99).logit())
    return plain


PARAMETRISATIONS: dict[str, Callable[[Size, torch.device], Prior]] = {"pixels": PixelPrior, "fourier": FourierPrior, "phase": PhasePrior}
