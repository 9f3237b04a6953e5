"""Recipe: all settings of one training run, read from a TOML file and frozen."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

Kind = Literal["classifier", "generator"]
RECIPES = Path(__file__).parent / "recipes"


class RecipeError(ValueError):
    """A recipe that cannot run; the message lists everything wrong with it."""


@dataclass(frozen=True)
class Generator:
    """What a generator's training needs besides: see losses.py for the terms (Dosovitskiy & Brox 2016, eq. 1 to 4)."""

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
    jitter_px: int = 0  # features and discriminator see drawn and real picture shifted alike, by up to so much
    start_learning_rate: float = 0.3  # goes into the card: the default of synthesis with this prior


@dataclass(frozen=True)
class Recipe:
    """One training run. Pixels, images and steps are counts; the learning rate falls to zero along a cosine after the warm-up."""

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
    label_smoothing: float = 0.0
    crop_px: int = 6  # a training image is a random crop after padding by this much
    flip: bool = True
    colour: float = 0.0  # random brightness and contrast, as a share
    checkpoint_every: int = 500
    generator: Generator | None = None

    @classmethod
    def read(cls, source: str) -> Self:
        """Read a bundled recipe by name, or a TOML file by path.

        Raises:
            RecipeError: not found, not TOML, or fields unknown, missing or out of range.
        """
        bundled = {path.stem: path for path in RECIPES.glob("*.toml")}
        path = bundled.get(source, Path(source))
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RecipeError(f"no recipe {source!r}: neither a file nor one of {', '.join(sorted(bundled))}") from None
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"{path}: not a TOML file: {error}") from error
        try:
            generator = data.pop("generator", None)
            if generator is not None:
                generator = Generator(**{**generator, "comparator_taps": tuple(generator["comparator_taps"])})
            if "betas" in data:
                data["betas"] = tuple(data["betas"])
            recipe = cls(generator=generator, **data)
        except (TypeError, KeyError) as error:
            raise RecipeError(f"{path}: {error}") from error
        if problems := recipe._problems():
            raise RecipeError(f"{path}: " + "; ".join(problems))
        return recipe

    def _problems(self) -> list[str]:
        problems = []
        if self.kind not in get_args(Kind):
            problems.append(f"kind is {self.kind!r}; it must be one of {', '.join(get_args(Kind))}")
        if (self.kind == "generator") != (self.generator is not None):
            problems.append("a [generator] section goes with kind = 'generator', and only with it")
        for name in ("image_size", "steps", "batch", "learning_rate", "checkpoint_every"):
            if not getattr(self, name) > 0:
                problems.append(f"{name} is {getattr(self, name)}; it must be positive")
        if self.image_size % 16:
            problems.append(f"image_size is {self.image_size}; it must be a multiple of 16")
        for name in ("weight_decay", "warmup_steps", "crop_px", "colour"):
            if getattr(self, name) < 0:
                problems.append(f"{name} is {getattr(self, name)}; it must not be negative")
        if not 0 <= self.label_smoothing < 1:
            problems.append(f"label_smoothing is {self.label_smoothing}; it must lie in [0, 1)")
        return problems


def settings(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data with every default filled in, for the run's frozen copy and the card."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return list(value)
        if isinstance(value, Generator):
            return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        return value

    return {f.name: plain(getattr(recipe, f.name)) for f in fields(recipe) if getattr(recipe, f.name) is not None}
