"""What an update rule is: where the code goes, given its gradient."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.problem import Need, Problem
from dgnam_server.synth.rows import Rows, State


@dataclass(frozen=True)
class Rule:
    """An update rule as the loop uses it.

    Attributes:
        name: what methods call it.
        move: rows, their gradient (B, D) and the problem -> the new code (B, D), and what to remember for the next step.
        options: what it reads off the rows, besides the learning rate.
        priors: those whose codes it can move; none named: any.
        needs: what of the server it cannot do without.
        drifts: which rows it moves even where the gradient is zero, (B,) bool; None: none.
        state: what it remembers before the first step of a row with this code (1, D), each entry (1, ...); None: nothing.
        start: the code (1, D) of a row that is given none; None: the prior's random one.
    """

    name: str
    move: Callable[[Rows, Tensor, Problem], tuple[Tensor, State]]
    options: tuple[Option, ...] = ()
    priors: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    drifts: Callable[[Rows], Tensor] | None = None
    state: Callable[[Problem, Tensor], State] | None = None
    start: Callable[[Problem], Tensor] | None = None
