"""What a synthesis ends with, read off its last step."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from dgnam_server.engine.events import Failed, Failure
from dgnam_server.engine.picture import on_host
from dgnam_server.synth.ascent import Seen
from dgnam_server.synth.objectives import term_activations, weighted_sum
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


class Ending(Enum):
    """Why a variant is done."""

    STEPS_DONE = "steps done"
    ZERO_GRADIENT = "zero gradient"


@dataclass(frozen=True)
class StartRank:
    """The draw that a variant started from: its `rank` from 1 among all `draws`, its weighted sum of activations, and of how many percent
    of the draws that of the finished picture is above.
    """

    rank: int
    draws: int
    activation: float
    percentile: float


@dataclass(frozen=True, eq=False)
class SynthesisResult:
    """One variant's picture: `image` (H, W, 3) float32 RGB not clipped, `code` (D,), `history` (steps, terms), activations (terms,)."""

    image: np.ndarray
    code: np.ndarray
    history: np.ndarray
    activation: float
    term_activations: np.ndarray
    ending: Ending
    start: StartRank | None = None  # where it started from a draw


def results(problem: Problem, rows: Rows, seen: Seen, steps: Sequence[int]) -> list[SynthesisResult | Failed]:
    """What each row ends with; the target's activations are those of the very picture, computed together for all of them.

    Args:
        rows: as the last step left them.
        seen: what that step looked at, of the same rows.
        steps: that each row has done.
    """
    finite = seen.image.isfinite().flatten(1).all(1).tolist()
    activations = term_activations(problem.original_activations(seen.image), rows, seen.activation)
    wholes = weighted_sum(activations, rows).tolist()
    found: list[SynthesisResult | Failed] = []
    for i, done in enumerate(steps):
        if not finite[i]:
            message = "the picture holds values that are not finite: try a smaller start code or learning rate"
            found.append(Failed(Failure.NUMERIC, message))
            continue
        stopped, terms = int(rows.stopped[i]), int(rows.real[i].sum())
        result = SynthesisResult(
            image=on_host(seen.image[i]),
            code=seen.code[i].cpu().numpy(),
            history=rows.history[i, : done if stopped < 0 else stopped, :terms].cpu().numpy(),
            activation=wholes[i],
            term_activations=activations[i, :terms].cpu().numpy(),
            ending=Ending.STEPS_DONE if stopped < 0 else Ending.ZERO_GRADIENT,
        )
        found.append(result)
    return found
