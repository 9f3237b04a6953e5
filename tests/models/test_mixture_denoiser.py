"""The denoiser of a mixture of Gaussians is the mean of what a noisy latent can have been."""

import torch
from dgnam_models.mixture_denoiser import MixtureDenoiser
from torch import Tensor


def mixture_of(centres: list[list[float]], variance: float) -> dict[str, Tensor]:
    """In two dimensions of codes of three units; the first component has the variance 4."""
    return {
        "components": torch.tensor([[1.0, 0, 0], [0, 0, 1]]),
        "variances": torch.tensor([4.0, 1.0]),
        "centres": torch.tensor(centres),
        "weights": torch.full((len(centres),), 1 / len(centres)),
        "spread": torch.eye(2) * variance**0.5,
    }


def test_one_gaussian_is_shrunk_towards_its_centre() -> None:
    denoiser = MixtureDenoiser(torch.zeros(3), mixture_of([[2.0, 0.0]], 1.0), rectified=False)
    found = denoiser(torch.tensor([[3.0, 2.0]]), torch.tensor([1.0]))
    # first: variance 1 / 4 about 2 / 2, so 1 + (1/4) / (5/4) (3 - 1); second: variance 1 about 0, so half
    torch.testing.assert_close(found, torch.tensor([[1.4, 1.0]]))


def test_the_formula_is_the_mean_over_many_latents() -> None:
    mixture = mixture_of([[2.0, 1.0], [-2.0, 0.5], [0.0, -1.0]], 0.3)
    mixture["spread"] = torch.tensor([[0.6, 0.0], [0.3, 0.4]])
    denoiser = MixtureDenoiser(torch.zeros(3), mixture, rectified=False)
    random = torch.Generator().manual_seed(0)
    count = 400_000
    centre = mixture["centres"][torch.randint(3, (count,), generator=random)]
    latent = (centre + torch.randn(count, 2, generator=random) @ mixture["spread"].T) / mixture["variances"].sqrt()
    noisy, level = torch.tensor([[0.4, 0.1]]), torch.tensor([0.7])
    weight = (-(noisy - latent).square().sum(1) / (2 * level**2)).softmax(0)
    torch.testing.assert_close(denoiser(noisy, level)[0], weight @ latent, atol=0.01, rtol=0)


def test_little_noise_changes_little_and_much_leaves_the_mean() -> None:
    mixture = mixture_of([[2.0, 1.0], [-2.0, 1.0]], 0.5)
    denoiser = MixtureDenoiser(torch.tensor([1.0, 1.0, 1.0]), mixture, rectified=True)
    latent = torch.tensor([[0.9, 0.7]])
    torch.testing.assert_close(denoiser(latent, torch.tensor([1e-3])), latent, atol=1e-4, rtol=0)
    torch.testing.assert_close(denoiser(latent, torch.tensor([1e3])), torch.tensor([[0.0, 1.0]]), atol=1e-3, rtol=0)
    torch.testing.assert_close(denoiser.encode(denoiser.decode(latent)), latent)
    assert denoiser.decode(torch.tensor([[-3.0, 0.0]]))[0, 0] == 0, "codes are not negative"


def test_rows_do_not_depend_on_their_neighbours() -> None:
    denoiser = MixtureDenoiser(torch.zeros(3), mixture_of([[2.0, 1.0], [-2.0, 0.5]], 0.3), rectified=False)
    latent, level = torch.randn(5, 2), torch.linspace(0.1, 5, 5)
    together = denoiser(latent, level)
    for i in range(5):
        torch.testing.assert_close(denoiser(latent[i : i + 1], level[i : i + 1])[0], together[i])
