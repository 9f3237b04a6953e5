"""The range of pixel values."""

from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def keep(code: Tensor, share: Tensor) -> Tensor:
    """`min(max(x, -1 / 2s), 1 / 2s)`, (B, D): values about mid-grey stay in a range 1 / s times as wide as a picture's.

    Args:
        code: x, (B, D), centred on zero.
        share: s, (B,) from 0 (off) to 1.
    """
    limit = (0.5 / share.clamp(min=1e-6))[:, None]
    return code.maximum(-limit).minimum(limit)


def _project(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return keep(code, rows.now("keep_range"))


RANGE = Part(
    "range",
    options=(
        Option("keep_range", "1: values are kept in [0, 1]; 0.5: in a range twice as wide; 0: not kept.", 0.0, 1.0, 0.0, switch=True),
    ),
    priors=("pixels",),
    project=_project,
)
