"""The parts that methods are made of. A new one is a file here and its line in the table."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from torch import Tensor

from dgnam_server.synth.parts.activation_map import ACTIVATION_MAP
from dgnam_server.synth.parts.blur import BLUR
from dgnam_server.synth.parts.bound import BOUND
from dgnam_server.synth.parts.decay import DECAY
from dgnam_server.synth.parts.inpainting import INPAINTING
from dgnam_server.synth.parts.normalization import NORMALIZATION
from dgnam_server.synth.parts.octaves import OCTAVES
from dgnam_server.synth.parts.p_norm import P_NORM
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.parts.patches import PATCHES
from dgnam_server.synth.parts.pyramid import PYRAMID
from dgnam_server.synth.parts.random_view import RANDOM_VIEW
from dgnam_server.synth.parts.range import RANGE
from dgnam_server.synth.parts.receptive_field import RECEPTIVE_FIELD
from dgnam_server.synth.parts.reconstruction import RECONSTRUCTION
from dgnam_server.synth.parts.redirected_relu import REDIRECTED_RELU
from dgnam_server.synth.parts.small_norms import SMALL_NORMS
from dgnam_server.synth.parts.total_variation import TOTAL_VARIATION
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import Settings, SynthesisSpec

# In the order in which a step applies them, among those of the same place.
_TABLE = (
    RANDOM_VIEW,
    REDIRECTED_RELU,
    P_NORM,
    TOTAL_VARIATION,
    PATCHES,
    INPAINTING,
    OCTAVES,
    PYRAMID,
    NORMALIZATION,
    ACTIVATION_MAP,
    RECEPTIVE_FIELD,
    RECONSTRUCTION,
    BOUND,
    DECAY,
    BLUR,
    SMALL_NORMS,
    RANGE,
)
PARTS: dict[str, Part] = {part.name: part for part in _TABLE}
F = TypeVar("F")


def at(place: Callable[[Part], F | None], names: tuple[str, ...]) -> list[F]:
    """The functions that `names` have at a place of the step, in the table's order: `at(lambda part: part.shape, names)`."""
    return [function for name, part in PARTS.items() if name in names and (function := place(part)) is not None]


def idle(names: tuple[str, ...], rows: Iterable[tuple[Settings, int]]) -> frozenset[str]:
    """Those of `names` that none of the rows, their settings and the steps they have done, has at its next step."""
    rows, sometimes = list(rows), {name: PARTS[name].due for name in names}
    return frozenset(name for name, due in sometimes.items() if due and not any(due(settings, step) for settings, step in rows))


def fresh_state(problem: Problem, code: Tensor, spec: SynthesisSpec) -> dict[str, Tensor]:
    """What the problem's parts remember before the first step of a row of `spec` with this code (1, D)."""
    fresh = at(lambda part: part.state, problem.structure.parts)
    return {name: value for state in fresh for name, value in state(problem, code, spec).items()}


__all__ = ["PARTS", "Part", "at", "fresh_state", "idle"]
