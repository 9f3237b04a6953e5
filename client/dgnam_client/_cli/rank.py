"""Which of several draws of one target to keep: the best by the target, and the best by a judge."""

from __future__ import annotations

from collections.abc import Sequence

from .output import Kept


def best(drawn: Sequence[Kept], judge: str | None, of: int) -> list[Kept]:
    """The draw with the largest activation and, with a judge, the one it gives the largest probability; one where both agree.

    Args:
        drawn: The draws, at least one.
        judge: The judge's name.
        of: How many draws were asked for.
    """
    by_target = max(drawn, key=lambda one: one.result.activation)
    judged = [one for one in drawn if one.judged is not None]
    by_judge = max(judged, key=lambda one: one.judged or 0.0) if judge and judged else None
    if by_judge is by_target:
        return [_because(by_target, f"best of {of} by the target and by {judge}")]
    return [_because(by_target, f"best of {of} by the target")] + (
        [] if by_judge is None else [_because(by_judge, f"best of {of} by {judge}")]
    )


def _because(one: Kept, why: str) -> Kept:
    return Kept(one.wish, one.result, one.judged, why)
