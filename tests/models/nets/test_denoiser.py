"""The denoiser of codes: what it is before training, and that its latents mean what they should."""

import torch
from dgnam_models import nets
from dgnam_models.nets.denoiser import Denoiser


def denoiser_of(rectified: bool = True, **parameters: int) -> Denoiser:
    denoiser = nets.build("denoiser", {"code": 12, "components": 5, "width": 16, "blocks": 2, "rectified": rectified, **parameters})
    assert isinstance(denoiser, Denoiser)
    random = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(12, 5, generator=random)).Q.T
    denoiser.basis.copy_(directions * torch.tensor([3.0, 2.0, 1.0, 0.5, 0.1])[:, None])
    denoiser.mean.copy_(torch.rand(12, generator=random))
    return denoiser


def test_untrained_it_takes_latents_for_gaussian() -> None:
    """Of `w + s n`, both standard normal, the mean of w is `(w + s n) / (1 + s^2)`."""
    noisy, level = torch.randn(4, 5, generator=torch.Generator().manual_seed(1)), torch.tensor([0.01, 0.5, 2.0, 50.0])
    torch.testing.assert_close(denoiser_of()(noisy, level), noisy / (1 + level[:, None] ** 2))


def test_a_row_does_not_see_the_others() -> None:
    denoiser = denoiser_of()
    torch.nn.init.normal_(denoiser.last.weight, generator=torch.Generator().manual_seed(2))
    noisy, level = torch.randn(3, 5, generator=torch.Generator().manual_seed(3)), torch.tensor([0.1, 1.0, 10.0])
    together = denoiser(noisy, level)
    assert not torch.allclose(together, noisy / (1 + level[:, None] ** 2)), "nothing was learned here to mix up"
    for i in range(3):
        torch.testing.assert_close(denoiser(noisy[i : i + 1], level[i : i + 1])[0], together[i])


def test_latents_and_codes_turn_into_each_other() -> None:
    latent = torch.randn(4, 5, generator=torch.Generator().manual_seed(4))
    signed, rectified = denoiser_of(rectified=False), denoiser_of()
    torch.testing.assert_close(signed.encode(signed.decode(latent)), latent)
    assert (signed.decode(latent) < 0).any()
    torch.testing.assert_close(rectified.decode(latent), signed.decode(latent).clamp(min=0))
