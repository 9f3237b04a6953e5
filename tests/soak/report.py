"""What a soak prints."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import memory
import numpy as np
from memory import Usage

if TYPE_CHECKING:
    from soak import Outcome

MOST_MIB_PER_MINUTE = 1.0
MOST_MIB = 256  # the servers' setting max_memory_mib
_UNCOUNTED = 1.5  # messages on their way, pictures being packed, and what a heap loses between pieces
_SHOWN = 20


def lines(found: "Outcome") -> Iterator[str]:
    """The report, a line at a time."""
    ended = [call for call in found.calls if call.end is not None]
    busy_s = sum(call.end - call.start for call in ended if call.end is not None)
    codes = ", ".join(f"{count} {code}" for code, count in Counter(call.code for call in ended).most_common())
    yield f"soak:     {found.seconds / 60:.1f} minutes, {found.plan.clients} clients at once, seed {found.plan.seed}"
    yield f"load:     {len(ended)} calls, {len(ended) / found.seconds:.1f} a second, {busy_s / found.seconds:.1f} at once: {codes}"
    yield (
        f"faults:   {found.killed} clients killed, {found.stopped} of them stopped first; "
        f"{found.ends['killed']} servers killed, {found.ends['drained']} drained, all started anew"
    )
    yield "latency:  of calls that ended as they should have, in seconds"
    yield f"          {'call':<22} {'calls':>6} {'p50':>7} {'p95':>7} {'p99':>7} {'most':>7}"
    yield from _latencies(found)
    yield f"memory:   {_grown(found.usages)}"
    yield f"wrong:    {len(found.problems) or 'nothing'}"
    yield from (f"          {problem}" for problem in found.problems[:_SHOWN])


def leaks(usages: Sequence[Usage]) -> list[str]:
    """What memory says: that it grew too large, or that it grows, where it was watched for long enough to tell."""
    if not usages:
        return []
    found, grew = [], max(usage.mib for usage in usages) - usages[0].mib
    if grew > _UNCOUNTED * MOST_MIB:
        found.append(f"leak: memory grew by {grew:.0f} MiB, with max_memory_mib set to {MOST_MIB}")
    slope = memory.slope(list(usages))
    if slope is not None and slope.says_something and slope.mib_per_minute >= MOST_MIB_PER_MINUTE:
        found.append(f"leak: memory grows by {slope.mib_per_minute:.2f} MiB a minute")
    return found


def _latencies(found: "Outcome") -> Iterator[str]:
    from calls import KINDS

    for name, kind in KINDS.items():
        seconds = [call.end - call.start for call in found.calls if call.kind == name and call.code in kind.right and call.end is not None]
        if seconds:
            p50, p95, p99, most = np.percentile(seconds, [50, 95, 99, 100])
            yield f"          {name:<22} {len(seconds):>6} {p50:>7.2f} {p95:>7.2f} {p99:>7.2f} {most:>7.2f}"


def _grown(usages: Sequence[Usage]) -> str:
    if not usages:
        return "this system does not tell"
    most = max(usage.mib for usage in usages)
    held = f"{usages[0].mib:.0f} MiB at first, {usages[-1].mib:.0f} at the end, {most:.0f} at most"
    slope = memory.slope(list(usages))
    if slope is None:
        return f"{held}; too short for a slope"
    short = "" if slope.says_something else ", too short to judge by"
    return f"{held}; slope {slope.mib_per_minute:+.2f} MiB a minute over the last {slope.seconds / 60:.1f} minutes{short}"
