"""Drawing of spectra as work: a row is one picture's spectrum, done once it is a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dgnam_server.engine.one_shot import OneShotLane
from dgnam_server.engine.picture import on_host
from dgnam_server.synth.memory import array_bytes
from dgnam_server.synth.priors import FourierPrior

_IMAGE_COPIES = 8  # a picture on its way: its spectrum, its colours, what the transform lays out


@dataclass(frozen=True)
class SpectrumKey:
    """All pictures of one size."""

    size: tuple[int, int]

    def __str__(self) -> str:
        return f"draw spectra of {self.size[0]} x {self.size[1]} pixels"


@dataclass(frozen=True, eq=False)
class SpectrumDrawing:
    """Codes (N, D) float32 of `prior` to draw. The value of each Finished is a picture (H, W, 3) float32 RGB, within [0, 1]."""

    codes: np.ndarray
    prior: FourierPrior
    steps: int = 1
    result_bytes: int = 0
    strict: bool = False
    sized: bool = True

    @property
    def key(self) -> SpectrumKey:
        """Pictures of one size share a lane."""
        return SpectrumKey(self.prior.size)

    @property
    def rows(self) -> int:
        """One per code."""
        return len(self.codes)

    @property
    def row_bytes(self) -> int:
        """What a picture takes while it is drawn."""
        return _IMAGE_COPIES * array_bytes(3, *self.prior.size)

    @property
    def held_bytes(self) -> int:
        """The codes, and all pictures, which are sent together: as floats and in the message."""
        return self.codes.nbytes + 2 * self.rows * array_bytes(3, *self.prior.size)

    def open(self) -> "OneShotLane[SpectrumDrawing]":
        """A lane without rows."""
        return OneShotLane(_drawn)


def _drawn(rows: Sequence[tuple[SpectrumDrawing, int]]) -> list[object]:
    """Each code's picture."""
    prior = rows[0][0].prior
    codes = torch.from_numpy(np.stack([work.codes[row] for work, row in rows])).to(prior.device)
    return [on_host(image) for image in prior.draw(codes)]
