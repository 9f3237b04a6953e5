"""What one training step does, for a classifier and for a generator. A task holds modules and optimizers; loop.py owns the run."""

import contextlib
import copy
import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from dgnam_models import nets
from dgnam_models.card import Preprocessing
from dgnam_models.codes import encode
from dgnam_models.lab.train import losses
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.data import augment, batch_indices
from dgnam_models.network import Network
from dgnam_models.photographs import Photographs, as_float, batches
from dgnam_models.precision import has_fast_bfloat16
from dgnam_models.preprocess import Preprocess, centre_crop

CLASSIFIER_STD = 0.25
GENERATOR_STD = 0.5  # a generator draws in [-1, 1]


class Task(Protocol):
    """One kind of training."""

    def step(self, training: Photographs, step: int) -> dict[str, Tensor]:
        """Learn from a batch of photographs; return the figures to log, each of shape (), still on the device."""

    def evaluate(self, held_out: Photographs) -> dict[str, float]:
        """Figures on held-out photographs."""

    def grid(self, held_out: Photographs) -> Tensor:
        """Pictures worth looking at, (N, 3, S, S) in [0, 1]."""

    def exported(self, training: Photographs) -> nn.Module:
        """A folded copy of the network to export."""

    def state(self) -> dict[str, Any]:
        """Everything that must survive a restart: nested dicts of tensors and numbers."""

    def fine_tune(self, module: nn.Module, images: Tensor) -> None:
        """Take over a folded network's weights where they fit; normalization begins as what changes nothing for `images`."""

    def start_from(self, state: dict[str, Any]) -> list[str]:
        """Take over the weights of another run's `state` where name and shape agree; return the names of the others."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov & Hutter 2016, eq. 5)."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    share = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def preprocessing(recipe: Recipe) -> Preprocessing:
    """What the recipe's network eats, or draws: `(image - 0.5) / std`."""
    std = CLASSIFIER_STD if recipe.generator is None else GENERATOR_STD
    return Preprocessing((recipe.image_size, recipe.image_size), mean=(0.5, 0.5, 0.5), std=(std, std, std))


def training_batch(recipe: Recipe, photographs: Photographs, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The images (B, 3, S, S) in [0, 1] and labels (B,) of step `step`: a pure function of the recipe and the step."""
    picked = batch_indices(len(photographs), recipe.batch, step, recipe.seed)
    pixels, labels = (values[picked].to(device) for values in (photographs.pixels, photographs.labels))
    return augment(pixels, step, recipe.seed, recipe.crop_px, recipe.flip, recipe.colour), labels


class ClassifierTask:
    """Cross-entropy with label smoothing, AdamW."""

    def __init__(self, recipe: Recipe, classes: int, device: torch.device, compiled: bool) -> None:
        self.recipe, self.device = recipe, device
        self.module = nets.build(recipe.architecture, {**recipe.parameters, "classes": classes, "normalized": True})
        self.module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.preprocess = Preprocess(preprocessing(recipe)).to(device)
        self.optimizer = torch.optim.AdamW(decayed(self.module, recipe.weight_decay), lr=0.0, betas=recipe.betas)
        self._forward = torch.compile(self.module) if compiled else self.module

    def step(self, training: Photographs, step: int) -> dict[str, Tensor]:
        images, labels = training_batch(self.recipe, training, step, self.device)
        set_learning_rate(self.optimizer, learning_rate(self.recipe, step))
        self.module.train()
        with autocast(self.device):
            logits = self._forward(self.preprocess.encode(images))
        loss = cross_entropy(logits.float(), labels, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach(), "top1": (logits.argmax(1) == labels).float().mean()}

    @torch.no_grad()
    def evaluate(self, held_out: Photographs) -> dict[str, float]:
        self.module.eval()
        top1 = top5 = 0
        for images, labels in batches(held_out, self.device):
            ranked = self.module(self.preprocess.encode(images)).topk(min(5, len(held_out.names))).indices
            hits = ranked == labels[:, None]
            top1 += int(hits[:, 0].sum())
            top5 += int(hits.any(1).sum())
        return {"val_top1": top1 / len(held_out), "val_top5": top5 / len(held_out)}

    @torch.no_grad()
    def grid(self, held_out: Photographs) -> Tensor:
        """Per row of eight: the held-out photographs it is surest of, for the first eight classes."""
        self.module.eval()
        scores = torch.cat([self.module(self.preprocess.encode(images)).softmax(1).cpu() for images, _ in batches(held_out, self.device)])
        columns = min(8, len(held_out))
        picked = torch.cat([scores[:, unit].topk(columns).indices for unit in range(min(8, scores.shape[1]))])
        return as_float(held_out.pixels[picked])

    def exported(self, training: Photographs) -> nn.Module:
        return nets.fold_(copy.deepcopy(self.module).eval())

    def state(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict()}

    def fine_tune(self, module: nn.Module, images: Tensor) -> None:
        take_over(self.module, module.state_dict())
        nets.unfold_(self.module, self.preprocess.encode(images))

    def start_from(self, state: dict[str, Any]) -> list[str]:
        return take_over(self.module, state["module"])

    def restore(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])


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
        sizes = {"code": self.code_size, "width": self.settings.discriminator_width, "image_size": recipe.image_size}
        discriminator = nets.build("discriminator", sizes)
        self.discriminator = discriminator.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.preprocess = Preprocess(preprocessing(recipe)).to(device)
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
        taps = sorted({s.tap, *s.comparator_taps})
        with autocast(self.device):
            with torch.no_grad():
                real_features = self._features(images, taps)
                code = real_features[s.tap].flatten(1).float()
                real = self.preprocess.encode(images)
            drawn = self._generate(code)
            image_error = losses.image_error(drawn.float(), real)
            if s.jitter_px or s.jitter_scale or s.jitter_degrees:
                drawn, real = jitter((drawn.float(), real), s.jitter_px, s.jitter_scale, s.jitter_degrees)
                with torch.no_grad():
                    real_features = self._features(self.preprocess.decode(real), taps)
            features = self._features(self.preprocess.decode(drawn), taps)
            feature_error = losses.feature_error(*({t: f[t].float() for t in s.comparator_taps} for f in (features, real_features)))
            loss = s.image_weight * image_error + s.feature_weight * feature_error
            figures = {"image": image_error, "feature": feature_error}
            if adversarial := step >= s.adversarial_from_step:
                self.discriminator.requires_grad_(False)
                figures["adversarial"] = losses.adversarial(self._discriminate(drawn, code).float())
                loss = loss + s.adversarial_weight * figures["adversarial"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self._update_average()
        if adversarial and step % s.discriminator_every == 0:
            figures["discriminator"] = self._discriminator_step(real, drawn.detach(), code, rate, figures["adversarial"])
        return {name: value.detach() for name, value in figures.items()}

    def _features(self, images: Tensor, taps: list[str]) -> dict[str, Tensor]:
        """The encoder's activations for the middle of images in [0, 1], as large as it takes them."""
        return self._encode(self.encoder.preprocess.encode(centre_crop(images, self.encoder.input_size)), taps)

    def _discriminator_step(self, real: Tensor, drawn: Tensor, code: Tensor, rate: float, generator_loss: Tensor) -> Tensor:
        """One step, unless it wins clearly: loss under a tenth of the generator's (the source's section 3)."""
        self.discriminator.requires_grad_(True)
        set_learning_rate(self.discriminator_optimizer, rate)
        with autocast(self.device):
            loss = losses.discrimination(self._discriminate(real, code).float(), self._discriminate(drawn, code).float())
        if loss > 0.1 * generator_loss:
            self.discriminator_optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.discriminator_optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the weights: steadier pictures than the last iterate's (Karras et al. 2018, section 4)."""
        weight = 1 - self.settings.average_decay
        for mean, new in zip(self.average.state_dict().values(), self.module.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, weight)

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
            figures = {"val_image": losses.image_error(drawn, images)}
            figures |= {f"val_{tap}": losses.feature_error({tap: again[tap]}, {tap: real[tap]}) for tap in dict.fromkeys(taps[:-1])}
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

    def exported(self, training: Photographs) -> nn.Module:
        """The averaged weights with normalization statistics measured anew for them, over 4096 training images, folded."""
        final = copy.deepcopy(self.average)
        for part in final.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.reset_running_stats()
                part.momentum = None  # a plain mean over the batches
        final.train()
        picked = torch.linspace(0, len(training) - 1, min(4096, len(training))).long()
        with torch.no_grad():
            for images, _ in batches(training.take(picked[torch.randperm(len(picked))]), self.device):
                final(encode(self.encoder, self.settings.tap, images))
        return nets.fold_(final.eval())

    def state(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
        }

    def fine_tune(self, module: nn.Module, images: Tensor) -> None:
        take_over(self.module, module.state_dict())
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


def jitter(pictures: tuple[Tensor, ...], shift_px: float, scale: float, degrees: float) -> list[Tensor]:
    """Move, scale and turn every row of `pictures`, each (B, C, H, W), at random within the limits: the same for row b of each of them.

    Layers with a stride see a picture and its neighbour a pixel away differently. A generator that is always compared in one position
    learns a woven pattern in step with that grid, which pleases the encoder and nobody else.

    Random source: torch's own on the processor, which the run seeds at every step.
    """
    rows, _, height, width = pictures[0].shape
    x, y, zoom, turn = torch.rand(4, rows) * 2 - 1
    angle, zoom = turn * math.radians(degrees), 1 + scale * zoom
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    x, y = 2 * shift_px / width * x, 2 * shift_px / height * y
    theta = torch.stack([torch.stack([cos, -sin, x], 1), torch.stack([sin, cos, y], 1)], 1).to(pictures[0].device)  # (B, 2, 3)
    grid = affine_grid(theta, [rows, 1, height, width], align_corners=False)
    return [grid_sample(picture, grid, padding_mode="reflection", align_corners=False) for picture in pictures]


def autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """bfloat16 where the processor multiplies it in hardware, else float32."""
    return torch.autocast(device.type, torch.bfloat16) if has_fast_bfloat16(device) else contextlib.nullcontext()


def take_over(module: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Give `module` the weights that agree in name and shape; the names of its others, sorted."""
    own = module.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    module.load_state_dict(fitting, strict=False)
    return sorted(own.keys() - fitting.keys())


def decayed(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay matrices and kernels, not biases and normalization."""
    parameters = list(module.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """For all its parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate
