"""How well a denoiser takes noise away: denoising score matching (Karras et al. 2022, arXiv 2206.00364)."""

from collections.abc import Callable

from torch import Tensor


def denoising_error(denoise: Callable[[Tensor, Tensor], Tensor], latent: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """`mean of (1 + s^2) / s^2 |D(w + s n, s) - w|^2` over latents w, noise n, both (B, K), and levels s (B,) (eq. 2, 8).

    The weight makes every level's error 1 for a D that knows nothing but that latents are Gaussian.
    """
    denoised = denoise(latent + level[:, None] * noise, level)
    return ((1 + level**-2)[:, None] * (denoised - latent).square()).mean()
