"""What rows of several pictures give, gathered until a picture has all of its; and how far the pictures are, now and then."""

import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dgnam_proto.v1.analysis_pb2 import AnalysisProgress, PictureProgress

R = TypeVar("R")
_PROGRESS_S = 0.1


@dataclass(eq=False)
class Gathering(Generic[R]):
    """Gathers readings.

    Attributes:
        total: looks at each picture.
    """

    total: int
    _readings: dict[int, dict[int, R]] = field(default_factory=dict)
    _next_progress: float = 0.0

    def add(self, picture: int, look: int, reading: R) -> list[R] | None:
        """Keep one look's reading; all the picture's, in order and no longer kept here, where it is the last."""
        readings = self._readings.setdefault(picture, {})
        readings[look] = reading
        if len(readings) < self.total:
            return None
        del self._readings[picture]
        return [readings[look] for look in range(self.total)]

    def progress(self) -> AnalysisProgress | None:
        """How far the unfinished pictures are; None where it was told within the last tenth of a second."""
        if time.monotonic() < self._next_progress:
            return None
        self._next_progress = time.monotonic() + _PROGRESS_S
        moved = [PictureProgress(picture=picture, step=len(known), total_steps=self.total) for picture, known in self._readings.items()]
        return AnalysisProgress(pictures=moved)
