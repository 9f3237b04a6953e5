"""A trained generator draws; its code is optimized."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import torch
from dgnam_models import Generator, Network, code_prior
from dgnam_models.code_prior import CodePrior
from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.priors.prior import Size, normal


class GeneratorPrior:
    """A generator's code (B, D), kept inside the range of real photographs' codes (Nguyen et al. 2016, section 2).

    Args:
        encoder: the network whose activations the generator inverts; only encoding an image needs it.
    """

    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "start_draws",
            "How many codes are drawn to start from the one that the target likes best; seed 1 starts from the next, and so on. 0: none.",
            0,
            20_000,
            0,
            integer=True,
        ),
        Option(
            "start_redraws",
            "How many more codes are drawn to start from, where start_draws say that the target likes them best. 0: none.",
            0,
            20_000,
            0,
            integer=True,
        ),
    )

    def __init__(self, generator: Generator, encoder: Network | None = None) -> None:
        self.generator, self.encoder = generator, encoder

    @property
    def size(self) -> Size:
        """Height and width of its pictures."""
        return self.generator.image_size

    def random_code(self, seed: int, settings: Mapping[str, float]) -> Tensor:
        """(1, D) standard normal values, not clipped, as the released script starts; of a signed code, normal with its own mean and std."""
        values = normal(seed, self.generator.code_size, self.generator.code_mean.device)
        return self.generator.code_mean + self.generator.code_std * values if self.signed else values

    @cached_property
    def code_prior(self) -> CodePrior:
        """What codes are like, to draw new ones."""
        return code_prior.of(self.generator)

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
