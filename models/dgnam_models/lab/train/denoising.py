"""What one training step does for the denoiser of a prior's codes: denoising score matching in the codes' principal components."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models import nets
from dgnam_models.codes import encode
from dgnam_models.errors import RecipeError
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.data import batch_indices
from dgnam_models.lab.train.step import decayed, learning_rate, set_learning_rate, take_over
from dgnam_models.nets.denoiser import Denoiser
from dgnam_models.network import Generator, Network
from dgnam_models.photographs import Photographs, batches

PICTURES = 32
SAMPLING_STEPS = 40


class DenoiserTask:
    """`mean of (1 + s^2) / s^2 |D(w + s n, s) - w|^2` over latents w of photographs, noise n, levels s (Karras et al. 2022, eq. 2, 8).

    The weight makes every level's error 1 for a D that knows nothing but that latents are Gaussian. The photographs' latents, plain and
    mirrored, are computed once, so that a batch has many different ones: of few with several noises each, nothing is learned.
    """

    def __init__(self, recipe: Recipe, prior: Generator, encoder: Network, training: Photographs, device: torch.device) -> None:
        assert recipe.denoiser is not None
        assert prior.card.code is not None
        self.recipe, self.settings, self.device = recipe, recipe.denoiser, device
        self.prior, self.encoder = prior, encoder
        self.parameters = {**recipe.parameters, "rectified": not prior.card.code.signed}
        module = nets.build("denoiser", {**self.parameters, "code": prior.code_size})
        assert isinstance(module, Denoiser)
        self.module = module.to(device)
        picked = torch.linspace(0, len(training) - 1, min(self.settings.statistics_images, len(training))).long()
        self.kept = self._fit(training.take(picked))
        with torch.no_grad():
            mirrored = Photographs(training.pixels.flip(3), training.labels, training.names)
            self.latents = torch.cat([self._latents(part) for part in (training, mirrored)])
        self.average = copy.deepcopy(self.module).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(decayed(self.module, recipe.weight_decay), lr=0.0, betas=recipe.betas)

    @torch.no_grad()
    def _fit(self, photographs: Photographs) -> float:
        """Take the mean and the principal components of the photographs' codes; returns the share of the variance that they hold."""
        codes = torch.cat([encode(self.encoder, self.settings.tap, images) for images, _ in batches(photographs, self.device)]).double()
        centred = codes - codes.mean(0)
        variances, directions = torch.linalg.eigh(centred.T @ centred / len(codes))  # in ascending order
        count = self.module.components
        kept = variances[-count:].clamp(min=1e-6)
        self.module.mean.copy_(codes.mean(0))
        self.module.basis.copy_((directions[:, -count:] * kept.sqrt()).T.flip(0))
        return float(kept.sum() / variances.sum())

    def step(self, training: Photographs, step: int) -> dict[str, Tensor]:
        set_learning_rate(self.optimizer, learning_rate(self.recipe, step))
        picked = batch_indices(len(self.latents), self.recipe.batch, step, self.recipe.seed)
        loss = self._error(self.module, self.latents[picked.to(self.device)])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            weight = 1 - min(self.settings.average_decay, (1 + step) / (10 + step))  # short at first, when weights move fast
            for mean, new in zip(self.average.parameters(), self.module.parameters(), strict=True):
                mean.lerp_(new, weight)
        return {"loss": loss.detach()}

    def _latents(self, photographs: Photographs) -> Tensor:
        """(N, K)."""
        taken = batches(photographs, self.device)
        return torch.cat([self.module.encode(encode(self.encoder, self.settings.tap, images)) for images, _ in taken])

    def _error(self, module: Denoiser, latent: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Random source: `random`, or torch's own on the processor, which the run seeds at every step."""
        level = (self.settings.level_mean + self.settings.level_std * torch.randn(len(latent), generator=random)).exp().to(self.device)
        noise = torch.randn(latent.shape, generator=random).to(self.device)
        denoised = module(latent + level[:, None] * noise, level)
        error: Tensor = ((1 + level**-2)[:, None] * (denoised - latent).square()).mean()
        return error

    @torch.no_grad()
    def evaluate(self, held_out: Photographs) -> dict[str, float]:
        """The error, 1 for a Gaussian; and how much of the codes' variance the principal components hold."""
        random = torch.Generator().manual_seed(0)
        return {"val_error": float(self._error(self.average, self._latents(held_out), random)), "variance_kept": self.kept}

    @torch.no_grad()
    def grid(self, held_out: Photographs) -> Tensor:
        """Pictures of codes that the denoiser makes from noise alone, always from the same."""
        random = torch.Generator().manual_seed(0)
        levels = torch.linspace(10 ** (1 / 5), 0.1 ** (1 / 5), SAMPLING_STEPS, device=self.device) ** 5
        latent = levels[0] * torch.randn(PICTURES, self.average.components, generator=random).to(self.device)
        for level, following in zip(levels, [*levels[1:], levels.new_zeros(())], strict=True):
            denoised = self.average(latent, level.expand(PICTURES))
            latent = denoised + following / level * (latent - denoised)
        images: Tensor = self.prior(self.average.decode(latent))
        return images.clamp(0, 1)

    def exported(self, training: Photographs) -> nn.Module:
        """The prior's generator with the averaged denoiser."""
        module = copy.deepcopy(self.prior.module)
        module.denoiser = copy.deepcopy(self.average)
        return module

    def state(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict()}

    def fine_tune(self, module: nn.Module, images: Tensor) -> None:
        """A prior's denoiser; of another encoder its components would mean something else, so they are not taken over."""
        if not isinstance(getattr(module, "denoiser", None), Denoiser):
            raise RecipeError("fine_tunes: the model has no denoiser to begin with")
        assert isinstance(module.denoiser, Denoiser)
        for own in (self.module, self.average):
            take_over(own, {name: value for name, value in module.denoiser.state_dict().items() if name not in ("mean", "basis")})

    def start_from(self, state: dict[str, Any]) -> list[str]:
        take_over(self.average, state["module"])
        return take_over(self.module, state["module"])

    def restore(self, state: dict[str, Any]) -> None:
        for name, part in state.items():
            getattr(self, name).load_state_dict(part)
