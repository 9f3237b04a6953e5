"""Drawing as work: a row is one code, done once the prior has drawn it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from dgnam_models import Generator

from dgnam_server.engine.events import Failed, Failure
from dgnam_server.engine.one_shot import OneShotLane
from dgnam_server.engine.picture import on_host
from dgnam_server.synth.memory import array_bytes


@dataclass(frozen=True)
class DrawingKey:
    """All that one prior draws."""

    prior: str

    def __str__(self) -> str:
        return f"draw with {self.prior}"


@dataclass(frozen=True, eq=False)
class Drawing:
    """Codes (N, D) float32 to draw. The value of each Finished is a picture (H, W, 3) float32 RGB, nominally in [0, 1], not clipped."""

    codes: np.ndarray
    generator: Generator
    row_bytes: int
    steps: int = 1
    result_bytes: int = 0
    strict: bool = False
    sized: bool = False

    @property
    def key(self) -> DrawingKey:
        """Drawings with the same prior share a lane."""
        return DrawingKey(self.generator.name)

    @property
    def rows(self) -> int:
        """One per code."""
        return len(self.codes)

    @property
    def held_bytes(self) -> int:
        """The codes, and all pictures, which are sent together: as floats and in the message."""
        return self.codes.nbytes + 2 * self.rows * array_bytes(3, *self.generator.image_size)

    def open(self) -> "OneShotLane[Drawing]":
        """A lane without rows."""
        return OneShotLane(_drawn)


def _drawn(rows: Sequence[tuple[Drawing, int]]) -> list[object]:
    """Each code's picture; a failure where it is not finite."""
    generator = rows[0][0].generator
    codes = torch.from_numpy(np.stack([work.codes[row] for work, row in rows])).to(generator.code_mean.device)
    images = generator(codes)
    finite = images.isfinite().flatten(1).all(1).tolist()
    wrong = "the picture of code {} holds values that are not finite: try smaller numbers"
    return [on_host(images[i]) if finite[i] else Failed(Failure.NUMERIC, wrong.format(row)) for i, (_, row) in enumerate(rows)]
