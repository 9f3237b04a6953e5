"""Recipe: all settings of one training run, frozen, and how recipes are read from TOML files.

A file holds one recipe, or, in the tables [encoder] and [prior], two that belong together: a classifier, then the generator that inverts
it. `based_on = "NAME"` in a recipe takes over every setting of another one that it does not make itself.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from dgnam_models.card import Preprocessing
from dgnam_models.errors import RecipeError

Kind = Literal["classifier", "generator", "projected", "denoiser"]
Altered = Literal["shuffled", "swapped", "blurred"]
LICENCE = "not stated by whoever trained it"
CLASSIFIER_STD = 0.25
GENERATOR_STD = 0.5  # a generator draws in [-1, 1]
RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Generator:
    """What a generator's training needs besides: see losses/ for the terms (Dosovitskiy & Brox 2016, eq. 1 to 4)."""

    encoder: str  # the frozen classifier whose code is inverted
    tap: str  # where its code is read (after the ReLU)
    comparator_taps: tuple[str, ...]  # where features are compared
    image_weight: float
    feature_weight: float
    adversarial_weight: float
    adversarial_from_step: int
    discriminator_every: int  # the discriminator steps once per so many generator steps
    discriminator_width: int
    average_decay: float  # of the exported, exponentially averaged weights
    # Features and discriminator see drawn and real picture moved alike, each time otherwise, by up to so much:
    jitter_px: float = 0.0
    jitter_scale: float = 0.0  # as a share of the size
    jitter_degrees: float = 0.0
    start_learning_rate: float = 0.05  # goes into the card: the default of synthesis with this prior


@dataclass(frozen=True)
class Projected:
    """What a generator's training needs besides, in the eyes of one frozen network (Sauer et al. 2021, arXiv 2111.01007).

    The network is encoder, comparator and the eyes of the critic; see losses/ for the terms.
    """

    encoder: str  # the frozen classifier whose code is inverted
    tap: str  # where its code is read
    encoder_size: int  # height and width of what it sees, in pixels
    feature_taps: tuple[str, ...]  # where features are compared and judged, from fine to coarse
    fine_tap: str  # is judged only, for grain of a pixel or two
    critic_halvings: tuple[int, ...]  # how often the critic's head at each of feature_taps halves what it sees
    critic_width: int = 64
    fine_width: int = 32
    pixel_width: int = 0  # of a head that sees pictures themselves, and photographs that are as large; 0: none does
    full_size_share: float = 0.0  # of each batch, photographs that are as large as what is drawn, beside those by lot
    layout_weight: float = 2.0  # of the squared error at 16 x 16 pixels
    adversarial_length: float = 1.0  # of the adversarial gradient at the picture, in lengths of the feature loss's
    adversarial_from_step: int = 0
    generator_from_step: int = 0  # before, only the critic learns: a new one, beside a generator that draws already
    average_decay: float = 0.999  # of the exported, exponentially averaged weights
    # Network and critic see drawn and real picture altered alike, each time otherwise, by up to so much:
    jitter_px: float = 0.0
    jitter_scale: float = 0.0  # as a share of the size
    jitter_colour: float = 0.0  # 1: as Zhao et al. 2020 do (colour_jitter.py)
    # A share of each batch may have codes to which an ascent leads (ascended.py):
    ascended_share: float = 0.0
    drawn_share: float = 0.0  # of these, ascents that begin where a mixture of codes draws towards their class (drawn.py)
    ascended_length: float = 0.6  # of the longest way, in lengths of the code
    ascended_steps: int = 4
    ascended_size: int = 224  # height and width of what the network sees at that, in pixels
    ascended_weight: float = 1.0  # of the error of what the encoder has for the picture drawn
    collapse_gap: float = 10.0  # between the critic's mean logits of photographs and of drawn pictures: training ends there
    statistics_photographs: int = 20_000  # whose codes give the statistics that go with the prior
    statistics_components: int = 512  # principal components among these
    start_learning_rate: float = 0.02  # goes into the card: the default of synthesis with this prior

    def problems(self) -> list[str]:
        """What is wrong with it."""
        problems = []
        if len(self.critic_halvings) != len(self.feature_taps):
            problems.append(f"critic_halvings has {len(self.critic_halvings)} numbers, feature_taps {len(self.feature_taps)}")
        if not 0 <= self.ascended_share < 1:
            problems.append(f"ascended_share is {self.ascended_share}; it must lie in [0, 1)")
        for name in ("full_size_share", "drawn_share"):
            if not 0 <= getattr(self, name) <= 1:
                problems.append(f"{name} is {getattr(self, name)}; it must lie in [0, 1]")
        for name in ("pixel_width", "ascended_length"):
            if getattr(self, name) < 0:
                problems.append(f"{name} is {getattr(self, name)}; it must not be negative")
        for name in ("encoder_size", "critic_width", "fine_width", "collapse_gap", "ascended_steps", "ascended_size"):
            if not getattr(self, name) > 0:
                problems.append(f"{name} is {getattr(self, name)}; it must be positive")
        return [f"projected.{problem}" for problem in problems]


@dataclass(frozen=True)
class Denoiser:
    """What training a diffusion model of a prior's codes needs besides (Karras et al. 2022, arXiv 2206.00364)."""

    prior: str  # the model that is exported again, with the denoiser
    tap: str  # of its encoder, what the code was before its ReLU
    average_decay: float  # of the exported, exponentially averaged weights
    statistics_images: int = 10_000  # of which the principal components are taken
    level_mean: float = -0.6  # of the logarithms of the noise levels, which are drawn from a normal distribution
    level_std: float = 1.3


@dataclass(frozen=True)
class Augmentation:
    """How training images are varied."""

    crop_px: int = 6  # a random crop after padding by this much
    flip: bool = True  # every second one is mirrored
    colour: float = 0.0  # random brightness and contrast, as a share


# A kind of training that has settings of its own has them in a section of its name.
SECTIONS = {"generator": Generator, "projected": Projected, "denoiser": Denoiser}


@dataclass(frozen=True)
class Recipe:
    """One training run. Pixels, images and steps are counts.

    After the warm-up the learning rate stays for `constant_share` of the steps, then falls to zero along half a cosine.
    """

    name: str
    kind: Kind
    description: str
    architecture: str
    parameters: dict[str, Any] = field(default_factory=dict)
    image_size: int = 64
    seed: int = 0
    steps: int = 1000
    batch: int = 128
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    warmup_steps: int = 100
    constant_share: float = 0.0
    label_smoothing: float = 0.0
    crop_px: int = 6  # these three: see Augmentation
    flip: bool = True
    colour: float = 0.0
    checkpoint_every: int = 500
    altered: Altered | None = None  # every class once more, with its photographs altered so (alterations.py)
    told_apart: Altered | None = None  # in place of the classes two: whole photographs, and those altered so
    fine_tunes: str | None = None  # a model, bundled or in --models, whose weights are the start where they fit
    generator: Generator | None = None
    projected: Projected | None = None
    denoiser: Denoiser | None = None

    @classmethod
    def of(cls, source: str, table: Mapping[str, Any]) -> Self:
        """The recipe that `table`, read from `source`, describes.

        Raises:
            RecipeError: fields are unknown, missing or out of range.
        """
        table = _complete(table)
        try:
            sections = {name: _section(kind, table.pop(name)) for name, kind in SECTIONS.items() if name in table}
            if "betas" in table:
                table["betas"] = tuple(table["betas"])
            recipe = cls(**sections, **table)
        except (TypeError, KeyError) as error:
            raise RecipeError(f"{source}: {error}") from error
        if problems := recipe._problems():
            raise RecipeError(f"{source}: " + "; ".join(problems))
        return recipe

    @property
    def augmentation(self) -> Augmentation:
        """How training images are varied."""
        return Augmentation(self.crop_px, self.flip, self.colour)

    @property
    def preprocessing(self) -> Preprocessing:
        """What the recipe's network takes, or draws: `(image - 0.5) / std`."""
        std = GENERATOR_STD if self.kind in ("generator", "projected") else CLASSIFIER_STD
        return Preprocessing((self.image_size, self.image_size), mean=(0.5, 0.5, 0.5), std=(std, std, std))

    def _problems(self) -> list[str]:
        problems = []
        if self.kind not in get_args(Kind):
            problems.append(f"kind is {self.kind!r}; it must be one of {', '.join(get_args(Kind))}")
        for kind in SECTIONS:
            if (self.kind == kind) != (getattr(self, kind) is not None):
                problems.append(f"a [{kind}] section goes with kind = '{kind}', and only with it")
        for name in ("altered", "told_apart"):
            if getattr(self, name) not in (None, *get_args(Altered)):
                problems.append(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(get_args(Altered))}")
        if self.kind != "classifier" and (self.altered or self.told_apart):
            problems.append("altered and told_apart go with kind = 'classifier'")
        if self.altered and self.told_apart:
            problems.append("altered and told_apart cannot both be set")
        for name in ("image_size", "steps", "batch", "learning_rate", "checkpoint_every"):
            if not getattr(self, name) > 0:
                problems.append(f"{name} is {getattr(self, name)}; it must be positive")
        if self.image_size % 16:
            problems.append(f"image_size is {self.image_size}; it must be a multiple of 16")
        for name in ("weight_decay", "warmup_steps", "crop_px", "colour"):
            if getattr(self, name) < 0:
                problems.append(f"{name} is {getattr(self, name)}; it must not be negative")
        if self.projected is not None:
            problems += self.projected.problems()
            if self.crop_px or self.colour:
                problems.append("crop_px and colour must be 0 with kind = 'projected': codes are computed once")
        if not 0 <= self.constant_share < 1:
            problems.append(f"constant_share is {self.constant_share}; it must lie in [0, 1)")
        if not 0 <= self.label_smoothing < 1:
            problems.append(f"label_smoothing is {self.label_smoothing}; it must lie in [0, 1)")
        return problems


def read(source: str, changes: Sequence[str] = ()) -> tuple[Recipe, ...]:
    """Read a bundled recipe by name, or a TOML file by path: one recipe, or an encoder's and its prior's, in the order they are trained.

    The two of a file named NAME train models `NAME-encoder` and `NAME-prior`.

    Args:
        changes: settings that replace the file's, as `field=value`, `generator.field=value` or `prior.field=value`; a value that is not
            TOML is text.

    Raises:
        RecipeError: not found, not TOML, or fields unknown, missing or out of range.
    """
    table = _table(source)
    for change in changes:
        _change(table, change)
    if not {"encoder", "prior"} & table.keys():
        return (Recipe.of(source, table),)
    if unknown := sorted({"name", "encoder", "prior"} ^ table.keys()):
        raise RecipeError(f"{source}: a recipe for two has name, [encoder] and [prior]; check {', '.join(unknown)}")
    name = table["name"]
    encoder, prior = (_complete(table[part]) for part in ("encoder", "prior"))
    encoder |= {"name": f"{name}-encoder", "kind": "classifier"}
    prior |= {"name": f"{name}-prior", "kind": "generator"}
    prior["generator"] = {**prior.get("generator", {}), "encoder": encoder["name"]}
    return Recipe.of(f"{source} [encoder]", encoder), Recipe.of(f"{source} [prior]", prior)


def bundled() -> list[str]:
    """The names of the bundled recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def _section(kind: type, given: Mapping[str, Any]) -> Any:
    """The section's settings; TOML's lists are tuples here."""
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def _table(source: str) -> dict[str, Any]:
    path = RECIPES / f"{source}.toml" if source in bundled() else Path(source)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise RecipeError(f"no recipe {source!r}: neither a file nor one of {', '.join(bundled())}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file: {error}") from error


def _complete(table: Mapping[str, Any], sources: tuple[str, ...] = ()) -> dict[str, Any]:
    """The table with what it is based on filled in, table by table; `sources` are the recipes on the way here."""
    own = dict(table)
    if "based_on" not in own:
        return own
    source = str(own.pop("based_on"))
    if source in sources:
        raise RecipeError(f"recipes are based on each other: {' -> '.join((*sources, source))}")
    base = _complete(_table(source), (*sources, source))
    return {**base, **own, **{key: {**base[key], **own[key]} for key in own if isinstance(own[key], dict) and key in base}}


def _change(table: dict[str, Any], change: str) -> None:
    field_, equals, text = change.partition("=")
    *tables, name = field_.split(".")
    if not equals or not name:
        raise RecipeError(f"a change is written field=value, not {change!r}")
    for part in tables:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise RecipeError(f"{change!r}: {part} is no table")
    try:
        table[name] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        table[name] = text


def settings(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data with every default filled in, for the run's frozen copy and the card."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return list(value)
        if is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        return value

    return {f.name: plain(getattr(recipe, f.name)) for f in fields(recipe) if getattr(recipe, f.name) is not None}
