"""What a part of a method is: its options, and its place in the step."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dgnam_server.synth.options import Option
from dgnam_server.synth.problem import Need, Problem
from dgnam_server.synth.rows import Rows, State
from dgnam_server.synth.spec import Settings, SynthesisSpec

Function = Callable[[Tensor, Rows, Problem], Tensor]


@dataclass(frozen=True)
class Part:
    """One ingredient of methods. It takes what it works on, the rows and the problem; every option is a (B,) tensor of the rows.

    Exactly one of `view`, `redirect`, `penalty`, `shape` and `project` is set: the part's place in the step.

    Attributes:
        name: what methods call it.
        options: what it reads off the rows.
        priors: those whose pictures or codes it can work on; none named: any.
        needs: what of the server it cannot do without.
        view: image -> image, between the prior and the networks.
        varies: of a view, which rows' differ from step to step, (B,) bool; None: none.
        redirect: activation (B, T) and image, both with their graph -> (B,) bool. Changes how the gradient goes from one to the other; once
            it is computed, the tensor says in which rows it is not the true one.
        penalty: image -> (B,), subtracted from what is ascended.
        shape: gradient image -> gradient image, between the networks and the prior.
        project: code -> code, after the update.
        watch: image -> what to remember, before the networks look at the view.
        due: of a row's settings and how many steps it has done, known on the host: whether it has the part at its next step; None: always.
            Of rows that step together the part must leave those alone that are not due.
        paste: image -> image, before anything else looks at the picture but the penalties: what of it is given, not drawn.
        state: what it remembers before the first step of a row with this code (1, D), each entry (1, ...); None: nothing.
    """

    name: str
    options: tuple[Option, ...]
    priors: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    view: Function | None = None
    varies: Callable[[Rows], Tensor] | None = None
    redirect: Callable[[Tensor, Tensor, Rows, Problem], Tensor] | None = None
    penalty: Function | None = None
    shape: Function | None = None
    project: Function | None = None
    watch: Callable[[Tensor, Rows, Problem], State] | None = None
    due: Callable[[Settings, int], bool] | None = None
    paste: Function | None = None
    state: Callable[[Problem, Tensor, SynthesisSpec], State] | None = None

    def is_on(self, settings: Settings) -> bool:
        """Whether a row with these settings has the part: one of its switches is not 0, or it has no switches."""
        switches = [option.name for option in self.options if option.switch]
        return not switches or any(settings[name] for name in switches)
