"""What one training step does for the denoiser of a prior's codes."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models import nets
from dgnam_models.card import ModelCard
from dgnam_models.codes import encode
from dgnam_models.errors import RecipeError
from dgnam_models.lab.train import export
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.data import batch_indices
from dgnam_models.lab.train.export import Export
from dgnam_models.lab.train.losses.denoising import denoising_error
from dgnam_models.lab.train.optimization import average_, decayed, learning_rate, set_learning_rate, take_over
from dgnam_models.lab.train.run import Run
from dgnam_models.nets.denoiser import Denoiser
from dgnam_models.network import Generator, Network
from dgnam_models.photographs import Photographs, batches

PICTURES = 32
SAMPLING_STEPS = 40


def assemble(recipe: Recipe, run: Run, training: Photographs) -> "DenoiserTask":
    """A denoiser of the codes of the prior that the recipe names."""
    own = recipe.denoiser
    assert own is not None
    prior = run.model(own.prior, "denoiser.prior")
    if not isinstance(prior, Generator) or prior.card.architecture != "upconv" or not prior.card.code or not prior.card.code.encoder:
        raise RecipeError(f"denoiser.prior: {prior.name} is not a prior that was trained here")
    encoder = run.encoder(prior.card.code.encoder, {own.tap}, recipe.image_size)
    size = math.prod(next(tap.shape for tap in encoder.card.taps if tap.name == own.tap))
    if size != prior.code_size:
        raise RecipeError(f"denoiser.tap: {own.tap} has {size} units, the code of {prior.name} {prior.code_size}")
    return DenoiserTask(recipe, prior, encoder, training, run.device)


class DenoiserTask:
    """Denoising score matching (losses/denoising.py) on latents, which are codes in their principal components.

    The photographs' latents, plain and mirrored, are computed once, so that a batch has many different ones: of few with several noises
    each, nothing is learned.
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
        decay = min(self.settings.average_decay, (1 + step) / (10 + step))  # short at first, when weights move fast
        average_(self.average, self.module, decay)
        return {"loss": loss.detach()}

    def _latents(self, photographs: Photographs) -> Tensor:
        """(N, K)."""
        taken = batches(photographs, self.device)
        return torch.cat([self.module.encode(encode(self.encoder, self.settings.tap, images)) for images, _ in taken])

    def _error(self, module: Denoiser, latent: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Random source: `random`, or torch's own on the processor, which the run seeds at every step."""
        level = (self.settings.level_mean + self.settings.level_std * torch.randn(len(latent), generator=random)).exp().to(self.device)
        noise = torch.randn(latent.shape, generator=random).to(self.device)
        return denoising_error(module, latent, noise, level)

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

    def export(self, training: Photographs, held_out: Photographs, to: Export) -> ModelCard:
        """The prior once more, with the averaged denoiser."""
        module = copy.deepcopy(self.prior.module)
        module.denoiser = copy.deepcopy(self.average)
        return export.denoiser(self.prior.card, module, self.parameters, to)

    def state(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict()}

    def fine_tune(self, module: nn.Module, training: Photographs) -> None:
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
