"""Scale: how many replicas there should be, by how many jobs there are."""

import math
from collections import deque
from dataclasses import dataclass, field

_PATIENCE_S = 300.0


@dataclass(eq=False)
class Scale:
    """At once more where there are more than `jobs` for each replica, and fewer once fewer have been enough for five minutes."""

    least: int
    most: int
    jobs: int
    _needed: deque[tuple[float, int]] = field(default_factory=deque)

    def wanted(self, there: int, jobs: int, now: float) -> int:
        """Args: there: replicas now; jobs: that wait and run; now: in seconds."""
        needed = min(self.most, max(self.least, math.ceil(jobs / self.jobs)))
        self._needed.append((now, needed))
        while len(self._needed) > 1 and self._needed[1][0] <= now - _PATIENCE_S:  # what was needed last before them, still was
            self._needed.popleft()
        if needed >= there:
            return needed
        known = self._needed[0][0] <= now - _PATIENCE_S
        return max(count for _, count in self._needed) if known else there
