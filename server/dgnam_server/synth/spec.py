"""SynthesisSpec: one request, checked and complete. Everything here is frozen and has no default left to fill in."""

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Readout(Enum):
    """What is read off a unit."""

    ACTIVATION = "activation"  # before the layer's ReLU; an output unit's logit
    PROBABILITY = "probability"  # an output unit's softmax probability


class Balance(Enum):
    """How a target's terms are brought together."""

    NONE = "none"
    GRADIENT_NORM = "gradient-norm"
    EQUAL_ACTIVATION = "equal-activation"


@dataclass(frozen=True)
class Unit:
    """One unit's address. `position` is (y, x) in a convolutional tap's map; None: the mean over the map."""

    model: str
    tap: str
    index: int
    position: tuple[int, int] | None = None


@dataclass(frozen=True)
class Term:
    """One unit of a target."""

    unit: Unit
    weight: float = 1.0
    readout: Readout = Readout.ACTIVATION


@dataclass(frozen=True, eq=False)
class Start:
    """Where the code starts: `code` (D,) float32, or `image` (H, W, 3) float32 RGB in [0, 1] to encode; neither: random."""

    code: np.ndarray | None = None
    image: np.ndarray | None = None


@dataclass(frozen=True)
class Settings:
    """The per-row numbers of one run; ascent.py says what they do."""

    steps: int
    start_learning_rate: float
    end_learning_rate: float
    decay: float  # the share by which the code shrinks at each step
    bound_multiplier: float  # in standard deviations


@dataclass(frozen=True)
class SynthesisSpec:
    """One request: `variants` rows that differ only in their seed, `seed + variant`."""

    terms: tuple[Term, ...]
    balance: Balance
    prior: str
    method: str
    settings: Settings
    seed: int
    variants: int = 1
    start: Start = Start()
    preview_interval: int = 0  # steps; 0: no previews
    strict: bool = False  # same bits on the same machine
