"""What a request may tune."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One tunable, declared beside the formula that reads it.

    Attributes:
        name: in a request.
        description: one sentence, with the unit.
        minimum, maximum: the inclusive range.
        default: None where it is taken from elsewhere: `start_learning_rate` from the prior's card, `end_x` from the row's own `x`. The
            prior's card may have another.
        integer: whether only whole numbers are allowed.
        switch: a part whose switches are all 0 is left out.
        part: the part, rule or prior that declares it, or "method". A method's `options` fill it in.
    """

    name: str
    description: str
    minimum: float
    maximum: float
    default: float | None
    integer: bool = False
    switch: bool = False
    part: str = "method"
