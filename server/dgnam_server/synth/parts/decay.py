"""Decay: the code shrinks at each step."""

from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def shrink(code: Tensor, decay: Tensor) -> Tensor:
    """`code * (1 - decay)`, (B, D): the L2 penalty as the released script of Nguyen et al. 2016 implements it (0.99 at its default)."""
    return code * (1 - decay)[:, None]


def _project(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return shrink(code, rows.now("decay"))


DECAY = Part(
    "decay",
    options=(Option("decay", "Share by which the code shrinks at each step.", 0.0, 1.0, 0.0, switch=True),),
    project=_project,
)
