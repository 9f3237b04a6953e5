"""The bound: code units stay in the range of photographs' codes."""

from typing import cast

from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts.part import Part
from dgnam_server.synth.priors import GENERATOR, GeneratorPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import Rows


def clip(code: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """`min(max(code, lower), upper)` per unit, (B, D) (Nguyen et al. 2016, section 2.2, where lower is 0)."""
    return code.maximum(lower).minimum(upper)


def _project(code: Tensor, rows: Rows, problem: Problem) -> Tensor:
    return clip(code, *cast(GeneratorPrior, problem.prior).bounds(rows.now("bound_multiplier")))


BOUND = Part(
    "bound",
    options=(
        Option(
            "bound_multiplier",
            "Upper bound of a code unit, in standard deviations above its mean; smaller is more typical.",
            0.0,
            100.0,
            3.0,
        ),
    ),
    priors=(GENERATOR,),
    project=_project,
)
