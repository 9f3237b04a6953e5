"""What client, gRPC and engine cost beside a bare lane of as many rows."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from dgnam_client import LocalServer
from measuring import Bench, Figures
from side_processes import processor_s

_MEASURED_S = 120.0  # in which a server has found a quiet moment to measure how many rows should share a batch
_ROUNDED_S = 0.3  # of processor time, which is told by the hundredth of a second


@dataclass(frozen=True, eq=False)
class Beside:
    """Requests to a server, and a lane in this process that steps alone.

    Attributes:
        bare: some steps of the lane, `bare_steps`.
        served: as many requests at once as the lane has rows, of `steps` steps.
    """

    server: LocalServer
    bare: Callable[[], object]
    bare_steps: int
    served: Callable[[], object]
    steps: int

    def cost(self, bench: Bench, doing: str, turns: int) -> tuple[float, Figures]:
        """Seconds of the requests, and the parts of them that are no steps of a lane, by `share` and `processor_share`.

        The lane steps before and after each of the turns, which is compared with the mean of these two, and the median over the turns
        counts: so a machine that grows slower or faster changes little. `share` is by the clock. `processor_share` is of the processor time
        of both processes together: what other programs do changes it less, and waiting is no part of it. It is left out where the system
        does not tell, or the turns are too short.
        """
        bench.progress(doing)
        bare = [self._taken(bench, self.bare)]
        served = []
        for _ in range(turns):
            served.append(self._taken(bench, self.served))
            bare.append(self._taken(bench, self.bare))
        figures = {}
        for place, name in enumerate(("share", "processor_share")):
            lane = [one[place] / self.bare_steps for one in bare]
            calls = [one[place] / self.steps for one in served]
            if name == "share" or (processor_s(self.server.process) and min(one[place] for one in bare) > _ROUNDED_S):
                parts = [1 - (x + z) / 2 / y for x, y, z in zip(lane, calls, lane[1:], strict=False)]
                figures[name] = statistics.median(parts)
        return statistics.median(seconds for seconds, _ in served), figures

    def _taken(self, bench: Bench, work: Callable[[], object]) -> tuple[float, float]:
        """Seconds of `work` by the clock, and of processor time."""
        before = self._processor_s()
        seconds = bench.once(work)
        return seconds, self._processor_s() - before

    def _processor_s(self) -> float:
        return time.process_time() + processor_s(self.server.process)


def settle(bench: Bench, server: LocalServer) -> None:
    """Wait until the server has measured how many rows should share a batch.

    It does so as soon as nothing has been asked for a while: then a lane that is timed beside it would not be alone, and the requests would
    be batched in one way before and in another after it.
    """
    bench.progress("the server measures how many rows should share a batch")
    until = time.monotonic() + _MEASURED_S
    while "share a batch, as " not in server.log.read_text(encoding="utf-8", errors="replace") and time.monotonic() < until:
        time.sleep(0.2)
