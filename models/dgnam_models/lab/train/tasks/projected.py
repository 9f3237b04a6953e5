"""What one training step does for a generator that is judged in the eyes of a frozen network (Sauer et al. 2021, arXiv 2111.01007)."""

import copy
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from dgnam_models import nets, statistics
from dgnam_models import photographs as sources
from dgnam_models.card import ModelCard
from dgnam_models.errors import RecipeError
from dgnam_models.lab.train import config, export
from dgnam_models.lab.train.adaptive_weight import EVERY, AdaptiveWeight
from dgnam_models.lab.train.ascended import ANY, Ascent, bounds, signed
from dgnam_models.lab.train.coded import Batch, CodedPhotographs
from dgnam_models.lab.train.coding import Coder, prepare
from dgnam_models.lab.train.collapse import Watch
from dgnam_models.lab.train.colour_jitter import colour_jitter
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.critics.projected import ProjectedCritic, Shape
from dgnam_models.lab.train.data import batch_indices
from dgnam_models.lab.train.drawn import Draws, fit
from dgnam_models.lab.train.export import Export
from dgnam_models.lab.train.jitter import jitter
from dgnam_models.lab.train.losses.code import code_error
from dgnam_models.lab.train.losses.direction import direction_error
from dgnam_models.lab.train.losses.hinge import critic_loss, generator_loss, mean_logit
from dgnam_models.lab.train.losses.layout import layout_error
from dgnam_models.lab.train.optimization import autocast, average_, descend, frozen, learning_rate, measured, set_learning_rate, take_over
from dgnam_models.lab.train.run import Run
from dgnam_models.network import Network
from dgnam_models.preprocess import Preprocess, resize

M = TypeVar("M", bound=nn.Module)

MEASURED = 512  # held-out photographs; more say the same
SETTLED = 4096  # codes of which a unit's mean and deviation are taken
NORMALIZED = 1024  # of which the normalizations' are, which see each code at four places at least; drawing them takes longest of an export
BEGUN = 256  # and those that training begins with; soon forgotten, and all in memory at once
HELD_OUT = 20  # one photograph in so many, where none are given


def photographs(recipe: Recipe, run: Run) -> tuple[CodedPhotographs, CodedPhotographs]:
    """Photographs with the codes that the recipe's encoder has for them, in the run's folder."""
    own = recipe.projected
    assert own is not None
    training = sources.entries(run.sources, run.limit)
    if run.held_out:
        held_out = sources.entries(run.held_out, run.limit)
    else:
        held_out = training[::HELD_OUT]
        training = [entry for index, entry in enumerate(training) if index % HELD_OUT]
    coder = Coder(frozen(_encoder(own, run)), own.tap, recipe.image_size)
    folder = run.folder / "photographs"
    one, other = (prepare(found, folder / name, coder, run.progress) for name, found in (("training", training), ("held-out", held_out)))
    return one, other


def assemble(recipe: Recipe, run: Run, training: CodedPhotographs) -> "ProjectedTask":
    """A generator of the code of the encoder that the recipe names."""
    assert recipe.projected is not None
    encoder = _encoder(recipe.projected, run)
    _check_places(recipe, encoder, recipe.projected.tap)
    return ProjectedTask(recipe, encoder, training, run.compiled)


def _encoder(own: config.Projected, run: Run) -> Network:
    encoder = run.model(own.encoder, "projected.encoder")
    known = [tap.name for tap in encoder.card.taps]
    if missing := {own.tap, own.fine_tap, *own.feature_taps} - set(known):
        raise RecipeError(f"{encoder.name} has no tap {', '.join(sorted(missing))}; it has {', '.join(known)}")
    assert isinstance(encoder, Network)
    return encoder.at((own.encoder_size, own.encoder_size))


def _check_places(recipe: Recipe, encoder: Network, tap: str) -> None:
    """Refuse a generator that would take features of one place for those of another."""
    shape, places = next(known.shape for known in encoder.card.taps if known.name == tap), recipe.parameters.get("places", 2)
    if len(shape) == 3 and shape[1:] != (places, places):
        raise RecipeError(f"parameters.places is {places}; {tap} of {encoder.name} has {shape[1]}x{shape[2]} places")


class Comparison(NamedTuple):
    """A batch, what was drawn from its codes, and both in the eyes of the frozen network, a tensor (B, C, H, W) a tap."""

    batch: Batch
    code: Tensor  # (B, D), what was drawn from: the first `moved` rows of it are not the photographs'
    moved: int
    drawn: Tensor  # (B, 3, S, S) in [0, 1]
    real_features: list[Tensor]
    features: list[Tensor]


class ProjectedTask:
    """Inverts a frozen encoder's code with layout, feature and adversarial losses.

    All three work in bfloat16 where that is fast; the weights that are trained stay float32.
    """

    def __init__(self, recipe: Recipe, encoder: Network, training: CodedPhotographs, compiled: bool) -> None:
        own = recipe.projected
        assert own is not None
        self.recipe, self.settings, self.encoder = recipe, own, encoder
        self.device = encoder.preprocess.mean.device
        self.taps = [*own.feature_taps, own.fine_tap]
        self.frozen = frozen(encoder)
        parameters = {**recipe.parameters, "code": training.units, "normalized": True}
        self.module = _placed(nets.build(recipe.architecture, parameters), self.device)
        self.average = copy.deepcopy(self.module).requires_grad_(False)
        self.critic = _placed(ProjectedCritic(self._critic_shape(training.units)), self.device)
        self.preprocess = Preprocess(recipe.preprocessing).to(self.device)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=0.0, betas=recipe.betas)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=0.0, betas=recipe.betas)
        self.weight, self.watch = AdaptiveWeight(own.adversarial_length), Watch(own.collapse_gap)
        self.anew = True  # begun with random weights, of which the average must soon forget the first
        self._generate = torch.compile(self.module) if compiled else self.module
        if own.ascended_share:
            reach = bounds(self._codes(training, SETTLED))
            self.ascent = Ascent(frozen(encoder.at((own.ascended_size, own.ascended_size))), reach, own.ascended_length, own.ascended_steps)
        if own.ascended_share and own.drawn_share:
            self.draws = self._fit_draws(training, reach)

    def _critic_shape(self, units: int) -> Shape:
        own, channels = self.settings, {tap.name: tap.shape[0] for tap in self.encoder.card.taps}
        features = tuple(channels[tap] for tap in own.feature_taps)
        return Shape(units, features, own.critic_halvings, own.critic_width, channels[own.fine_tap], own.fine_width, own.pixel_width)

    def step(self, training: CodedPhotographs, step: int) -> dict[str, Tensor]:
        for optimizer in (self.optimizer, self.critic_optimizer):
            set_learning_rate(optimizer, learning_rate(self.recipe, step))
        seen = self._compare(self._batch(training, step))
        figures = self._teach_critic(seen)
        if step < self.settings.generator_from_step:
            return figures
        losses = self._losses(seen)
        loss = losses["feature"] + self.settings.layout_weight * losses["layout"]
        if step >= self.settings.adversarial_from_step:
            if step % EVERY == 0 or self.weight.value is None:
                self.weight.measure(losses["feature"], losses["adversarial"], seen.drawn)
            assert self.weight.value is not None
            loss = loss + self.weight.value * losses["adversarial"]
            figures["weight"] = torch.tensor(self.weight.value)
        if seen.moved:
            losses["code"] = self._code_error(seen)
            loss = loss + self.settings.ascended_weight * losses["code"]
        terms = {"generator": loss.item(), "critic": figures["critic"].item()}
        self.watch.see(step, terms, figures["logit_real"].item(), figures["logit_drawn"].item())
        descend(self.optimizer, loss)
        ramp = (1 + step) / (10 + step) if self.anew else 1.0
        average_(self.average, self.module, min(self.settings.average_decay, ramp))
        return {name: value.detach() for name, value in (losses | figures).items()}

    def _batch(self, training: CodedPhotographs, step: int) -> Batch:
        """The photographs of this step, every second one mirrored if the recipe flips."""
        index = batch_indices(len(training), self.recipe.batch, step, self.recipe.seed)
        if chosen := round(self.settings.full_size_share * len(index)) if training.full_size else 0:
            index[:chosen] = batch_indices(training.full_size, chosen, step, self.recipe.seed)
        mirrored = (torch.rand(len(index)) < 0.5) & torch.tensor(self.recipe.flip)
        return Batch(*(values.to(self.device) for values in training.take(index, mirrored)))

    def _compare(self, batch: Batch) -> Comparison:
        """Draw from the batch's codes, or from where an ascent leads from them, and look at photographs and drawn pictures."""
        own, moved = self.settings, round(self.settings.ascended_share * len(batch.codes))
        code = batch.codes
        if moved:
            self.module.eval()
            code = torch.cat([self._ascended(code[:moved]), code[moved:]])
        self.module.train()
        drawn = self._draw(code)
        pictures = (batch.images, torch.where(batch.coarse[:, None, None, None], coarsened(drawn), drawn))
        moved_alike = jitter(pictures, own.jitter_px, own.jitter_scale, degrees=0.0)
        real, shown = colour_jitter(tuple(moved_alike), own.jitter_colour)
        with torch.no_grad():
            real_features = self._features(real)
        return Comparison(batch, code, moved, drawn, real_features, self._features(shown))

    def _ascended(self, code: Tensor) -> Tensor:
        """Where ascents lead from codes of photographs (B, D), of which a share are replaced by draws."""
        drawn = round(self.settings.drawn_share * len(code))
        unit = torch.full((len(code), 1), ANY)
        if drawn:
            start, unit[:drawn] = self.draws.take(drawn)
            code = torch.cat([start.to(self.device), code[drawn:]])
        return self.ascent.moved(code, self._draw, unit.to(self.device))

    @torch.no_grad()
    def _fit_draws(self, training: CodedPhotographs, bounds: Tensor) -> Draws:
        """Draws like the training photographs' codes; it takes a minute or two with thousands of units."""
        index = shuffled(training.spread(self.settings.statistics_photographs))
        codes = training.codes(index, torch.zeros(len(index), dtype=torch.bool))
        seen = (training.take(part, torch.zeros(len(part), dtype=torch.bool)).images for part in index[:SETTLED].split(64))
        logits = torch.cat([self._read(images.to(self.device))[1].float().cpu() for images in seen])
        return fit(codes, logits, bounds.cpu())

    def _draw(self, code: Tensor) -> Tensor:
        with autocast(self.device):
            output = self._generate(code)
        return self.preprocess.decode(output.float())

    def _features(self, images: Tensor) -> list[Tensor]:
        """What the frozen network has at each tap for images in [0, 1] of any size, float32."""
        found = self.frozen.activations(resize(images, self.frozen.input_size), self.taps)
        return [found[tap] for tap in self.taps]

    def _judged(self, features: list[Tensor], codes: Tensor, images: Tensor | None) -> list[Tensor]:
        """The critic's logits, float32. `images` are those that it sees as they are; of None, and of one alone, it sees none."""
        with autocast(self.device):
            logits = self.critic(features, codes)
            if images is not None and len(images) > 1:
                logits += self.critic.texture(images)
            return [logit.float() for logit in logits]

    def _teach_critic(self, seen: Comparison) -> dict[str, Tensor]:
        """One step of the critic; its loss and its mean logits."""
        self.critic.requires_grad_(True)
        full_size = seen.batch.images[~seen.batch.coarse]
        pictures = seen.drawn.detach() if len(full_size) > 1 else None
        real = self._judged(seen.real_features, seen.batch.codes, full_size)
        drawn = self._judged([features.detach() for features in seen.features], seen.code, pictures)
        loss = critic_loss(real, drawn)
        descend(self.critic_optimizer, loss)
        self.critic.requires_grad_(False)
        return {"critic": loss.detach(), "logit_real": mean_logit(real).detach(), "logit_drawn": mean_logit(drawn).detach()}

    def _losses(self, seen: Comparison) -> dict[str, Tensor]:
        """The generator's losses; rows whose codes were moved have no photograph to be compared with."""
        compared = slice(seen.moved, None)
        scales = slice(len(self.settings.feature_taps))
        features, real = ([f[compared] for f in found[scales]] for found in (seen.features, seen.real_features))
        return {
            "layout": layout_error(seen.drawn[compared], seen.batch.images[compared]),
            "feature": direction_error(features, real),
            "adversarial": generator_loss(self._judged(seen.features, seen.code, seen.drawn)),
        }

    def _code_error(self, seen: Comparison) -> Tensor:
        """How well the encoder finds the moved codes in what was drawn from them."""
        images = resize(seen.drawn[: seen.moved], self.frozen.input_size)
        return code_error(self.frozen.activations(images, [self.settings.tap])[self.settings.tap].flatten(1), seen.code[: seen.moved])

    @torch.no_grad()
    def evaluate(self, held_out: CodedPhotographs) -> dict[str, float]:
        """The losses without a critic, and how often the encoder's first name for a photograph is among its five for the drawing of it."""
        index = held_out.spread(MEASURED)
        sums: dict[str, float] = {}
        for part in index.split(64):
            batch, drawn = self._reconstructed(held_out, part)
            features, real = (self._features(images)[:-1] for images in (drawn, batch.images))
            (code, logits), (_, wanted) = (self._read(images) for images in (drawn, batch.images))
            figures = {
                "val_layout": layout_error(drawn, batch.images),
                "val_feature": direction_error(features, real),
                "val_code": code_error(code, batch.codes),
                "val_top5": (logits.topk(min(5, logits.shape[1])).indices == wanted.argmax(1, keepdim=True)).any(1).float().mean(),
            }
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(part)
        return {name: value / len(index) for name, value in sums.items()}

    def _read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The code (B, D) and the logits (B, classes) that the encoder has for images in [0, 1] of any size."""
        tap, output = self.settings.tap, self.encoder.card.output_tap
        found = self.encoder.activations(resize(images, self.encoder.input_size), [tap, output])
        return found[tap].flatten(1), found[output]

    @torch.no_grad()
    def _reconstructed(self, photographs: CodedPhotographs, index: Tensor) -> tuple[Batch, Tensor]:
        """Some photographs, and what the averaged weights draw from their codes, in [0, 1] and as coarse as they are."""
        batch = Batch(*(values.to(self.device) for values in photographs.take(index, torch.zeros(len(index), dtype=torch.bool))))
        drawn = self.preprocess.decode(self.average.eval()(batch.codes)).clamp(0, 1)
        return batch, torch.where(batch.coarse[:, None, None, None], coarsened(drawn), drawn)

    def grid(self, held_out: CodedPhotographs) -> Tensor:
        """Rows of eight photographs, each above what is drawn from their codes."""
        batch, drawn = self._reconstructed(held_out, held_out.spread(32))
        return torch.cat([part for pair in zip(batch.images.split(8), drawn.split(8), strict=True) for part in pair])

    def export(self, training: CodedPhotographs, held_out: CodedPhotographs, to: Export) -> ModelCard:
        """The averaged weights, folded, with the statistics of the training photographs' codes."""
        own = self.settings
        some = training.spread(own.statistics_photographs)
        parts = (training.codes(part, torch.arange(len(part)) % 2 == 1) for part in some.split(SETTLED))
        known = statistics.of_codes(parts, min(own.statistics_components, len(some) - 1, training.units))
        module = nets.fold_(measured(self.average, self._codes(training, NORMALIZED).split(256)))
        return export.projected(self.recipe, module, known, signed(self._codes(training, SETTLED)), to)

    def _codes(self, training: CodedPhotographs, count: int) -> Tensor:
        """Of so many photographs, or of all where there are fewer, in no order."""
        index = shuffled(training.spread(count))
        return training.codes(index, torch.zeros(len(index), dtype=torch.bool)).to(self.device)

    def state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        return parts | {"weight": self.weight.value, "logits": [self.watch.real, self.watch.drawn], "anew": self.anew}

    def fine_tune(self, module: nn.Module, training: CodedPhotographs) -> None:
        take_over(self.module, module.state_dict())
        nets.unfold_(self.module, self._codes(training, BEGUN))
        self.average.load_state_dict(self.module.state_dict())
        self.anew = False

    def start_from(self, state: dict[str, Any]) -> list[str]:
        take_over(self.average, state.get("average", state["module"]))
        self.anew = False
        own = [(name, take_over(getattr(self, name), state.get(name, {}))) for name in ("module", "critic")]
        return [f"the {name}'s {key}" for name, keys in own for key in keys]

    def restore(self, state: dict[str, Any]) -> None:
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        self.weight.value, self.anew = state["weight"], state["anew"]
        self.watch.real, self.watch.drawn = state["logits"]


_PARTS = ("module", "average", "critic", "optimizer", "critic_optimizer")


def shuffled(index: Tensor) -> Tensor:
    """The indices (N,) in no order, always the same one."""
    return index[torch.randperm(len(index), generator=torch.Generator().manual_seed(0))]


def coarsened(image: Tensor) -> Tensor:
    """Images (B, 3, S, S) brought down to half their size and up again: what photographs of that size can show."""
    height, width = image.shape[2:]
    return resize(resize(image, (height // 2, width // 2)), (height, width))


def _placed(module: M, device: torch.device) -> M:
    placed: M = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed
