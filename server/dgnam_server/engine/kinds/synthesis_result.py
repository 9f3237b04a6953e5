"""What a synthesis ends with, read off its last step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from torch import Tensor

from dgnam_server.engine.events import Failed, Failure
from dgnam_server.engine.picture import on_host
from dgnam_server.synth import ascent, importance
from dgnam_server.synth.ascent import Seen
from dgnam_server.synth.objectives import term_activations, weighted_sum
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


class Ending(Enum):
    """Why a variant is done."""

    STEPS_DONE = "steps done"
    ZERO_GRADIENT = "zero gradient"
    NO_GRADIENT = "no gradient"  # at no step was there one of the target's own


@dataclass(frozen=True)
class StartRank:
    """The draw that a variant started from: its `rank` from 1 among all `draws`, its weighted sum of activations, and of how many percent
    of the first draws that of the finished picture is above.
    """

    rank: int
    draws: int
    activation: float
    percentile: float


@dataclass(frozen=True, eq=False)
class SynthesisResult:
    """One variant's picture: `image` (H, W, 3) float32 RGB not clipped, `code` (D,), `history` (steps, terms), activations (terms,).

    At `gradient_steps` of its steps the target's own gradient was finite and not zero. Of several terms, those of `silent_terms` had
    none of their own, neither for the start nor for the finished picture. `alpha` (H, W) is where the gradient was strong, from 0 to 1;
    None with a prior.
    """

    image: np.ndarray
    code: np.ndarray
    history: np.ndarray
    activation: float
    term_activations: np.ndarray
    ending: Ending
    gradient_steps: int
    silent_terms: tuple[int, ...] = ()
    alpha: np.ndarray | None = None
    start: StartRank | None = None  # where it started from a draw


def results(
    problem: Problem, rows: Rows, seen: Seen, steps: Sequence[int], sized: Sequence[Callable[[Tensor], Tensor]]
) -> list[SynthesisResult | Failed]:
    """What each row ends with; the target's activations are those of the very picture, computed together for all of them.

    A row with a number that is not finite has failed, whichever of its numbers that is.

    Args:
        rows: as the last step left them.
        seen: what that step looked at, of the same rows.
        steps: that each row has done.
        sized: for each row what gives a picture (3, H, W) the size asked for.
    """
    finite = (seen.image.isfinite().flatten(1).all(1) & seen.code.isfinite().all(1)).tolist()
    activations = term_activations(problem.original_activations(seen.image), rows, seen.activation)
    wholes = weighted_sum(activations, rows).tolist()
    silent = _silent(problem, rows, seen)
    found: list[SynthesisResult | Failed] = []
    for i, done in enumerate(steps):
        stopped, terms, pulled = int(rows.stopped[i]), int(rows.real[i].sum()), int(rows.pulled[i])
        result = SynthesisResult(
            image=on_host(sized[i](seen.image[i])),
            code=seen.code[i].cpu().numpy(),
            history=rows.history[i, : done if stopped < 0 else stopped, :terms].cpu().numpy(),
            activation=wholes[i],
            term_activations=activations[i, :terms].cpu().numpy(),
            ending=Ending.NO_GRADIENT if not pulled else Ending.STEPS_DONE if stopped < 0 else Ending.ZERO_GRADIENT,
            gradient_steps=pulled,
            silent_terms=silent[i],
            alpha=importance.share_of_largest(rows.state[importance.NAME][i]).cpu().numpy() if importance.NAME in rows.state else None,
        )
        wrong = _not_finite(result, finite[i], bool(rows.broken[i] >= done))
        found.append(Failed(Failure.NUMERIC, wrong) if wrong else result)
    return found


def _silent(problem: Problem, rows: Rows, seen: Seen) -> list[tuple[int, ...]]:
    """Of each row the terms that had no gradient at the start and have none now. The others are not looked at again."""
    found: list[tuple[int, ...]] = [()] * len(rows)
    suspects = rows.silent.any(1).nonzero().flatten()
    if len(suspects):
        suspected = replace(rows.select(suspects), code=seen.code[suspects])
        still = suspected.silent & ascent.silent(problem, suspected)
        for i, terms in zip(suspects.tolist(), still.tolist(), strict=True):
            found[i] = tuple(t for t, is_silent in enumerate(terms) if is_silent)
    return found


def _not_finite(result: SynthesisResult, drawn: bool, broken: bool) -> str:
    """Which of a row's numbers are not finite, and what to do; empty: none.

    Args:
        drawn: whether the picture and its code are finite.
        broken: whether no step had a finite gradient.
    """
    if not drawn:
        return "the picture holds values that are not finite: try a smaller start code or learning rate"
    told = np.concatenate([result.history, result.term_activations[None]])
    if not np.isfinite(told).all():
        step, term = np.argwhere(~np.isfinite(told))[0]
        why = "the network's weights, or the direction or features that are wanted, hold values too large or not numbers"
        return f"target.terms[{term}] is {told[step, term]} at step {min(step, len(told) - 2) + 1}: {why}"
    if not np.isfinite(result.activation):
        return "the weighted sum of the activations is not finite: give the terms smaller weights"
    if broken:
        return "the gradient was not finite at any step: give the terms smaller weights, or check the network's weights"
    return ""
