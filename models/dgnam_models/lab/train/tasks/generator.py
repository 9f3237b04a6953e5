"""What one training step does for a generator, which inverts a classifier's code."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from dgnam_models import nets
from dgnam_models.card import ModelCard
from dgnam_models.codes import encode
from dgnam_models.lab.train import export
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.critics.discriminator import Discriminator
from dgnam_models.lab.train.data import training_batch
from dgnam_models.lab.train.export import Export
from dgnam_models.lab.train.jitter import jitter
from dgnam_models.lab.train.losses.adversarial import discriminator_loss, generator_loss
from dgnam_models.lab.train.losses.feature import feature_error
from dgnam_models.lab.train.losses.image import image_error
from dgnam_models.lab.train.optimization import autocast, average_, learning_rate, measured, set_learning_rate, take_over
from dgnam_models.lab.train.run import Run
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, as_float, batches
from dgnam_models.preprocess import Preprocess, centre_crop


def assemble(recipe: Recipe, run: Run, training: Photographs) -> "GeneratorTask":
    """A generator of the code of the encoder that the recipe names."""
    own = recipe.generator
    assert own is not None
    encoder = run.encoder(own.encoder, {own.tap, *own.comparator_taps}, recipe.image_size)
    return GeneratorTask(recipe, encoder, run.device, run.compiled)


class GeneratorTask:
    """Inverts a frozen encoder's code with image, feature and adversarial terms (Dosovitskiy & Brox 2016, eq. 1 to 4)."""

    def __init__(self, recipe: Recipe, encoder: Network, device: torch.device, compiled: bool) -> None:
        assert recipe.generator is not None
        self.recipe, self.settings, self.device = recipe, recipe.generator, device
        self.encoder = encoder
        self.code_size = math.prod(next(tap.shape for tap in encoder.card.taps if tap.name == self.settings.tap))
        parameters = {**recipe.parameters, "code": self.code_size, "normalized": True}
        self.module = nets.build(recipe.architecture, parameters).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.module).requires_grad_(False)
        discriminator = Discriminator(self.code_size, self.settings.discriminator_width, recipe.image_size)
        self.discriminator = discriminator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.preprocess = Preprocess(recipe.preprocessing).to(device)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=0.0, betas=recipe.betas)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=0.0, betas=recipe.betas)
        compile_ = torch.compile if compiled else (lambda module: module)
        self._generate, self._discriminate = compile_(self.module), compile_(self.discriminator)
        self._encode = compile_(encoder.module.activations)

    def step(self, training: Photographs, step: int) -> dict[str, Tensor]:
        images, _ = training_batch(self.recipe, training, step, self.device)
        s, rate = self.settings, learning_rate(self.recipe, step)
        set_learning_rate(self.optimizer, rate)
        self.module.train()
        adversarial = step >= s.adversarial_from_step
        with autocast(self.device):
            code, drawn, real, figures = self._compare(images)
            loss = s.image_weight * figures["image"] + s.feature_weight * figures["feature"]
            if adversarial:
                self.discriminator.requires_grad_(False)
                figures["adversarial"] = generator_loss(self._discriminate(drawn, code).float())
                loss = loss + s.adversarial_weight * figures["adversarial"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        average_(self.average, self.module, s.average_decay)
        if adversarial and step % s.discriminator_every == 0:
            set_learning_rate(self.discriminator_optimizer, rate)
            figures["discriminator"] = self._discriminator_step(real, drawn.detach(), code, figures["adversarial"])
        return {name: value.detach() for name, value in figures.items()}

    def _compare(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Draw from the code of `images`: the code, the drawn and the real pictures as they were compared, and the two errors."""
        s = self.settings
        taps = sorted({s.tap, *s.comparator_taps})
        with torch.no_grad():
            real_features = self._features(images, taps)
            code = real_features[s.tap].flatten(1).float()
            real = self.preprocess.encode(images)
        drawn = self._generate(code)
        errors = {"image": image_error(drawn.float(), real)}
        if s.jitter_px or s.jitter_scale or s.jitter_degrees:
            drawn, real = jitter((drawn.float(), real), s.jitter_px, s.jitter_scale, s.jitter_degrees)
            with torch.no_grad():
                real_features = self._features(self.preprocess.decode(real), taps)
        features = self._features(self.preprocess.decode(drawn), taps)
        errors["feature"] = feature_error(*({t: f[t].float() for t in s.comparator_taps} for f in (features, real_features)))
        return code, drawn, real, errors

    def _features(self, images: Tensor, taps: list[str]) -> dict[str, Tensor]:
        """The encoder's activations for the middle of images in [0, 1], as large as it takes them."""
        return self._encode(self.encoder.preprocess.encode(centre_crop(images, self.encoder.input_size)), taps)

    def _discriminator_step(self, real: Tensor, drawn: Tensor, code: Tensor, opposed: Tensor) -> Tensor:
        """One step, unless it wins clearly: loss under a tenth of `opposed`, the generator's (the source's section 3)."""
        self.discriminator.requires_grad_(True)
        with autocast(self.device):
            loss = discriminator_loss(self._discriminate(real, code).float(), self._discriminate(drawn, code).float())
        if loss > 0.1 * opposed:
            self.discriminator_optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.discriminator_optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def _reconstruct(self, images: Tensor) -> Tensor:
        return self.preprocess.decode(self.average(encode(self.encoder, self.settings.tap, images))).clamp(0, 1)

    @torch.no_grad()
    def evaluate(self, held_out: Photographs) -> dict[str, float]:
        """Mean squared pixel error in [0, 1], relative feature errors, and how often the encoder names its own reconstruction."""
        self.average.eval()
        taps = [*self.settings.comparator_taps, self.settings.tap, self.encoder.card.output_tap]
        sums: dict[str, float] = {}
        for images, labels in batches(held_out, self.device):
            drawn = self._reconstruct(images)
            real, again = (self.encoder.activations(centre_crop(x, self.encoder.input_size), taps) for x in (images, drawn))
            figures = {"val_image": image_error(drawn, images)}
            figures |= {f"val_{tap}": feature_error({tap: again[tap]}, {tap: real[tap]}) for tap in dict.fromkeys(taps[:-1])}
            figures["val_top1"] = (again[taps[-1]].argmax(1) == labels).float().mean()
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(images)
        return {name: value / len(held_out) for name, value in sums.items()}

    def grid(self, held_out: Photographs) -> Tensor:
        """Rows of eight photographs, each above its reconstructions."""
        self.average.eval()
        picked = torch.linspace(0, len(held_out) - 1, min(32, len(held_out))).long()
        images = as_float(held_out.pixels[picked]).to(self.device)
        drawn = self._reconstruct(images)
        return torch.cat([part for pair in zip(images.split(8), drawn.split(8), strict=True) for part in pair])

    def export(self, training: Photographs, held_out: Photographs, to: Export) -> ModelCard:
        return export.generator(self.recipe, self._folded(training), self.encoder, held_out, to)

    def _folded(self, training: Photographs) -> nn.Module:
        """The averaged weights with normalization statistics measured anew for them, over 4096 training images, folded."""
        picked = torch.linspace(0, len(training) - 1, min(4096, len(training))).long()
        mixed = training.take(picked[torch.randperm(len(picked))])
        codes = (encode(self.encoder, self.settings.tap, images) for images, _ in batches(mixed, self.device))
        return nets.fold_(measured(self.average, codes))

    def state(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
        }

    def fine_tune(self, module: nn.Module, training: Photographs) -> None:
        take_over(self.module, module.state_dict())
        images, _ = training_batch(self.recipe, training, 0, self.device)
        nets.unfold_(self.module, encode(self.encoder, self.settings.tap, images))
        self.average.load_state_dict(self.module.state_dict())

    def start_from(self, state: dict[str, Any]) -> list[str]:
        """The average starts where the generator does."""
        take_over(self.average, state["module"])
        own = [take_over(getattr(self, name), state[name]) for name in ("module", "discriminator")]
        return [f"{name}'s {key}" for name, keys in zip(("generator", "discriminator"), own, strict=True) for key in keys]

    def restore(self, state: dict[str, Any]) -> None:
        for name, part in state.items():
            getattr(self, name).load_state_dict(part)
