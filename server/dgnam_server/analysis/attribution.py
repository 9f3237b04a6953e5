"""What a method of projection is: what it shows the network, how the signal comes down, and what is made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from dgnam_server.analysis.rules import Rule
from dgnam_server.synth.options import Option

Settings = Mapping[str, float]
# How a map is shown: colours around grey; the largest channel's size in grey; evidence for (red) and against (blue); heat over the picture.
Drawn = Literal["colours", "size", "evidence", "heat"]


@dataclass(frozen=True)
class Seen:
    """One picture after the last look at it.

    Attributes:
        image: (3, H, W) RGB in [0, 1].
        signal: what came down, (C, H, W), the weighted sum over all looks; of methods that stop `at_layer`, (1, h, w).
        zero: the picture that the network's input is zero for, (3, 1, 1): the mean that it subtracts.
        settings: the method's options.
    """

    image: Tensor
    signal: Tensor
    zero: Tensor
    settings: Settings


@dataclass(frozen=True)
class Look:
    """A picture on the straight line from a grey one to the one in question: `share` of the way; its signal counts with `weight`."""

    share: float = 1.0
    weight: float = 1.0


def _once(settings: Settings) -> tuple[Look, ...]:
    return (Look(),)


def _signal(seen: Seen) -> Tensor:
    return seen.signal


@dataclass(frozen=True)
class Attribution:
    """A way to show what in a picture an activation comes from.

    Attributes:
        rule: how activation functions pass the signal down; None: the gradient.
        begins_with_activation: the signal at the top is the activation itself, as the deconvnet's is; else 1.
        at_layer: it stops at a tap before the unit's, and the maps there are weighed.
        looks: what the network is shown in turn; the first is the picture itself.
        finish: what becomes of the signal: (3, H, W), or (1, H, W) for heat.
        drawn: how that is shown.
    """

    name: str
    description: str
    citation: str
    drawn: Drawn
    options: tuple[Option, ...] = ()
    rule: Rule | None = None
    begins_with_activation: bool = False
    at_layer: bool = False
    looks: Callable[[Settings], tuple[Look, ...]] = _once
    finish: Callable[[Seen], Tensor] = _signal

    def settings(self, given: Settings) -> dict[str, float]:
        """Every option's value: the given one, or its default."""
        values = {option.name: given.get(option.name, option.default) for option in self.options}
        return {name: value for name, value in values.items() if value is not None}
