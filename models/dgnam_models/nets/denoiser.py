"""A diffusion model of a prior's codes: what tells codes of photographs from others (Ho et al. 2020, arXiv 2006.11239)."""

import torch
from torch import Tensor, nn

LEVEL_FEATURES = 32


class Denoiser(nn.Module):
    """Latent (B, K) with noise of standard deviation `level` (B,) -> the mean of the latents that it can have been, (B, K).

    A latent w stands for the code `max(w basis + mean, 0)`: the first K principal components of the activations before the code's ReLU,
    each divided by its standard deviation. They are few: codes of photographs lie in far fewer dimensions than they have units.
    """

    def __init__(self, mean: Tensor, basis: Tensor, rectified: bool) -> None:
        super().__init__()
        self.rectified = rectified
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        self.mean: Tensor
        self.basis: Tensor

    @property
    def components(self) -> int:
        """The number of a latent's values, K."""
        return len(self.basis)

    def forward(self, latent: Tensor, level: Tensor) -> Tensor:
        raise NotImplementedError

    def decode(self, latent: Tensor) -> Tensor:
        """Latent (B, K) -> code (B, D)."""
        code = latent @ self.basis + self.mean
        return code.clamp(min=0) if self.rectified else code

    def encode(self, code: Tensor) -> Tensor:
        """Code (B, D), or what it was before its ReLU -> the latent (B, K) nearest to it."""
        return (code - self.mean) @ self.basis.T / self.basis.square().sum(1)


class LearnedDenoiser(Denoiser):
    """Preconditioned as by Karras et al. 2022 (arXiv 2206.00364, table 1) for data of standard deviation 1:

        D(w, s) = w / (1 + s^2) + s / sqrt(1 + s^2) F(w / sqrt(1 + s^2), log s)

    so that with F = 0 it is what a Gaussian would have. F is a residual network of fully connected layers.
    """

    def __init__(self, code: int, components: int, width: int, blocks: int, rectified: bool) -> None:
        super().__init__(torch.zeros(code), torch.zeros(components, code), rectified)
        self.first = nn.Linear(components, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.last = nn.Linear(width, components)

    def forward(self, latent: Tensor, level: Tensor) -> Tensor:
        features = _level_features(level)
        level = level[:, None]
        scale = (1 + level.square()).sqrt()
        x = self.first(latent / scale)
        for block in self.blocks:
            x = block(x, features)
        x = self.last(nn.functional.layer_norm(x, x.shape[1:]))
        return latent / scale.square() + level / scale * x


class _Block(nn.Module):
    """`x + B silu(A norm(x) + T t)`, t what is known of the level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.level = nn.Linear(LEVEL_FEATURES, 2 * width)
        self.shrink = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        hidden = nn.functional.silu(self.expand(self.norm(x)) + self.level(features))
        return x + self.shrink(hidden)


def _level_features(level: Tensor) -> Tensor:
    """Sines and cosines of log(level) / 4 at frequencies from 0.2 to 12, (B, LEVEL_FEATURES)."""
    count = LEVEL_FEATURES // 2
    frequencies = torch.linspace(-1.5, 2.5, count, dtype=level.dtype, device=level.device).exp()
    angles = level.log()[:, None] / 4 * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def build(code: int, components: int = 128, width: int = 384, blocks: int = 3, rectified: bool = True) -> LearnedDenoiser:
    """Return the denoiser; before it is trained, F is 0."""
    denoiser = LearnedDenoiser(code, components, width, blocks, rectified)
    for layer in (denoiser.last, *(block.shrink for block in denoiser.blocks)):
        assert isinstance(layer, nn.Linear)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return denoiser
