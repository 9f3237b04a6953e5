"""SynthesisSpec: one request, checked and complete. Everything here is frozen and has no default left to fill in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np


class Readout(Enum):
    """What is read off a tap, as one number."""

    ACTIVATION = "activation"  # before the layer's ReLU; an output unit's logit
    PROBABILITY = "probability"  # an output unit's softmax probability
    LOG_PROBABILITY = "log-probability"  # its logarithm
    DIRECTION = "direction"  # the weighted sum of all units
    FEATURES = "features"  # minus the distance of all activations to given ones
    FEATURE_MAP = "feature-map"  # the same to a picture's, all of them gathered in one map
    RANDOM_MAPS = "random-maps"  # the same to a picture's, whose maps' shares are drawn at random
    CHANNEL_SUMS = "channel-sums"  # minus the distance of the maps' means to a picture's
    GRAM = "gram"  # minus the distance of the maps' correlations to a picture's
    SORTED_MAPS = "sorted-maps"  # minus the distance of each map's sorted activations to pictures' mean ones
    FEATURE_SIMILARITY = "feature-similarity"  # the cosine of all activations with pictures' ones
    GRAM_SIMILARITY = "gram-similarity"  # the cosine of the maps' correlations with pictures' ones


class Balance(Enum):
    """How a target's terms are brought together."""

    NONE = "none"
    GRADIENT_NORM = "gradient-norm"
    EQUAL_ACTIVATION = "equal-activation"


class Fit(Enum):
    """How a picture gets the size that a network takes."""

    RESIZE = "resize"  # the whole of it is scaled
    CROP = "crop"  # the middle of a larger one; a smaller one is scaled


@dataclass(frozen=True)
class Unit:
    """One unit's address. `position` is (y, x) in a convolutional tap's map; None: the mean over the map."""

    model: str
    tap: str
    index: int
    position: tuple[int, int] | None = None


@dataclass(frozen=True)
class Term:
    """One unit of a target. A term that reads all units of a tap has a `vector` or `pictures`; its unit's index means nothing, but for
    FEATURE_MAP, where it is the map's.

    Attributes:
        vector: of DIRECTION (C,), a weight for each unit; of FEATURES (N,), the activations that are wanted, all of the tap in a row.
        pictures: (K, H, W, 3) float32 RGB in [0, 1], whose activations say what is wanted; of FEATURES instead of the vector. K is 1 but
            for SORTED_MAPS, FEATURE_SIMILARITY and GRAM_SIMILARITY.
        relevant_to: of SORTED_MAPS, the unit behind the tap by whose slope the maps are weighed; None: all alike.
    """

    unit: Unit
    weight: float = 1.0
    readout: Readout = Readout.ACTIVATION
    vector: np.ndarray | None = field(default=None, compare=False)
    pictures: np.ndarray | None = field(default=None, compare=False)
    relevant_to: Unit | None = None


@dataclass(frozen=True, eq=False)
class Start:
    """Where the code starts: `code` (D,) float32, or `image` (H, W, 3) float32 RGB in [0, 1] as a code; neither: random."""

    code: np.ndarray | None = None
    image: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Hole:
    """A photograph with a hole: `photo` (H, W, 3) float32 RGB in [0, 1], `mask` (H, W) float32, 1 inside the hole, 0 where it is held."""

    photo: np.ndarray
    mask: np.ndarray


Settings = Mapping[str, float]  # one run's options by name; parts, rules and priors say what they do


@dataclass(frozen=True)
class SynthesisSpec:
    """One request: `variants` rows that differ only in their seed, `seed + variant`."""

    terms: tuple[Term, ...]
    balance: Balance
    prior: str  # a generator's name; empty where the method's own parametrisation draws
    method: str
    settings: Settings
    seed: int
    variants: int = 1
    start: Start = Start()
    hole: Hole | None = None  # None: nothing is held
    preview_interval: int = 0  # steps; 0: no previews
    strict: bool = False  # same bits on the same machine
    size: tuple[int, int] = (0, 0)  # height and width of the finished picture; with a prior, (0, 0) is what it draws
    fit: Fit = Fit.CROP  # as published

    @property
    def steps(self) -> int:
        """Steps to do."""
        return int(self.settings["steps"])

    @property
    def start_draws(self) -> int:
        """Codes to draw of which one is the start; 0: none."""
        return int(self.settings.get("start_draws", 0))

    @property
    def start_redraws(self) -> int:
        """Codes to draw besides, towards the target; 0: none."""
        return int(self.settings.get("start_redraws", 0)) if self.start_draws else 0
