"""Every loss against a value worked out by hand."""

import math

import pytest
import torch
from dgnam_models.lab.train.losses import hinge
from dgnam_models.lab.train.losses.adversarial import discriminator_loss, generator_loss
from dgnam_models.lab.train.losses.code import code_error
from dgnam_models.lab.train.losses.denoising import denoising_error
from dgnam_models.lab.train.losses.direction import direction_error
from dgnam_models.lab.train.losses.feature import feature_error
from dgnam_models.lab.train.losses.image import image_error
from dgnam_models.lab.train.losses.layout import layout_error


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


def test_hinges_of_two_heads() -> None:
    """By hand: photographs lack 0.5 and 0 and 2 of 1; of drawn pictures, logits of -2 cost nothing, 1 costs 2."""
    real = [torch.tensor([[0.5, 3.0]]), torch.tensor([-1.0])]
    drawn = [torch.tensor([[-2.0, 1.0]]), torch.tensor([-2.0])]
    assert hinge.critic_loss(real, drawn).item() == pytest.approx(0.5 / 2 + 2 / 2 + 2.0)
    assert hinge.generator_loss(drawn).item() == pytest.approx((0.5 + 2) / 2)
    assert hinge.mean_logit(real).item() == pytest.approx((1.75 - 1) / 2)


def test_direction_error_does_not_see_lengths() -> None:
    """By hand: at one of two places the direction turns from (3, 4) / 5 to (1, 0), at the other only the length changes."""
    real = torch.tensor([[3.0, 0.0], [4.0, 2.0]]).view(1, 2, 1, 2)
    drawn = torch.tensor([[7.0, 0.0], [0.0, 9.0]]).view(1, 2, 1, 2)
    one = (abs(1 - 0.6) + abs(0 - 0.8)) / 2
    assert direction_error([drawn], [real]).item() == pytest.approx(one / 32)
    assert direction_error([drawn, drawn], [real, real]).item() == pytest.approx(2 * one / 32)
    assert direction_error([real], [5 * real]).item() == pytest.approx(0, abs=1e-7)


def test_layout_error_sees_squares_and_no_texture() -> None:
    """A sixteenth of 32 pixels is a square of 2 x 2: a checkerboard of 0 and 1 is as good as grey, and grey is .25 away from black."""
    board = (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).float().expand(1, 3, 32, 32)
    assert layout_error(board, torch.full_like(board, 0.5)).item() == 0
    assert layout_error(board, torch.zeros_like(board)).item() == pytest.approx(0.25)


def test_code_error_is_relative_to_each_code() -> None:
    wanted = torch.tensor([[3.0, 4.0], [100.0, 0.0]])
    found = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    assert code_error(found, wanted).item() == pytest.approx((16 / 25 + 1) / 2)


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
