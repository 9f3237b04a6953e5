"""Named methods as data: defaults, ranges and citation. Defaults and limits on the wire come from here and from nowhere else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One tunable: the request's field, its inclusive range and default; a default of None is the prior's own, from its card."""

    name: str
    description: str
    minimum: float
    maximum: float
    default: float | None


@dataclass(frozen=True)
class Method:
    """A way to synthesize, with everything a request may tune about it."""

    name: str
    description: str
    citation: str
    options: tuple[Option, ...]

    def option(self, name: str) -> Option:
        """The option of this name."""
        return next(option for option in self.options if option.name == name)


DGN_AM = Method(
    name="dgn-am",
    description="Gradient ascent on a generator's code, clipped to the range of real photographs' codes, with L2 decay",
    citation="Nguyen, Dosovitskiy, Yosinski, Brox, Clune: Synthesizing the preferred inputs for neurons in neural networks "
    "via deep generator networks, NIPS 2016, arXiv 1605.09304; update order and constants as in the authors' released script",
    options=(
        Option("steps", "Optimization steps.", 1, 2000, 200),
        Option("start_learning_rate", "Step size at the first step, in units of the code; falls linearly.", 0.0, 100.0, None),
        Option("end_learning_rate", "Step size the schedule falls to.", 0.0, 100.0, 1e-10),
        Option("decay", "Share by which the code shrinks at each step.", 0.0, 1.0, 0.01),
        Option(
            "bound_multiplier",
            "Upper bound of a code unit, in standard deviations above its mean; smaller is more typical.",
            0.0,
            100.0,
            3.0,
        ),
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in (DGN_AM,)}
DEFAULT_METHOD = DGN_AM.name
