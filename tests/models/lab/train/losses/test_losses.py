"""Every loss against a value worked out by hand."""

import math

import pytest
import torch
from dgnam_models.lab.train.losses.adversarial import discriminator_loss, generator_loss
from dgnam_models.lab.train.losses.denoising import denoising_error
from dgnam_models.lab.train.losses.feature import feature_error
from dgnam_models.lab.train.losses.image import image_error


def test_image_error_is_the_mean_square() -> None:
    assert image_error(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])).item() == 2.5


def test_feature_error_is_relative_at_each_tap() -> None:
    real = {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([100.0, 0.0])}
    drawn = {"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([0.0, 0.0])}
    assert feature_error(drawn, real).item() == pytest.approx((16 / 25 + 1) / 2)


def test_adversarial_losses_of_logits() -> None:
    """A logit of log 3 is a probability of 3/4."""
    logit = torch.tensor([math.log(3)])
    assert generator_loss(logit).item() == pytest.approx(-math.log(3 / 4))
    assert discriminator_loss(logit, logit).item() == pytest.approx(-math.log(3 / 4) - math.log(1 / 4))


def test_denoising_error_is_1_for_the_best_guess_at_a_gaussian() -> None:
    """`D(x, s) = x / (1 + s^2)` is the best there is for latents of which nothing more is known; by hand `w = 1, n = -1, s = 2`."""

    def gaussian(x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        return x / (1 + level[:, None] ** 2)

    one = denoising_error(gaussian, torch.tensor([[1.0]]), torch.tensor([[-1.0]]), torch.tensor([2.0]))
    assert one.item() == pytest.approx((1 + 4) / 4 * (-1 / 5 - 1) ** 2)
    random = torch.Generator().manual_seed(0)
    latent, noise = torch.randn(2, 200_000, 1, generator=random)
    level = torch.rand(200_000, generator=random) * 3 + 0.2
    assert denoising_error(gaussian, latent, noise, level).item() == pytest.approx(1, abs=0.02)
