"""What a method is: the prior, the rule and the parts it names, and its defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from dgnam_models import ModelCard

from dgnam_server.synth.options import Option
from dgnam_server.synth.parts import PARTS
from dgnam_server.synth.priors import GENERATOR, PARAMETRISATIONS, GeneratorPrior
from dgnam_server.synth.problem import Need, Structure
from dgnam_server.synth.rules import RULES
from dgnam_server.synth.spec import Readout, Settings

RATE = "start_learning_rate"
# What every method has, whatever it is made of.
SCHEDULE = (
    Option("steps", "Optimization steps.", 1, 2000, 200, integer=True),
    Option(RATE, "Step size at the first step, in units of what is optimized; changes linearly.", 0.0, 1000.0, None),
    Option("end_learning_rate", "Step size that the schedule goes to.", 0.0, 1000.0, 1e-10),
)
# The parts that work on a picture, its view or its gradient, whatever draws it; and all that work on pixels.
IMAGE_PARTS = (
    "random-view",
    "redirected-relu",
    "p-norm",
    "total-variation",
    "patches",
    "octaves",
    "pyramid",
    "normalization",
    "activation-map",
    "receptive-field",
    "inpainting",
)
PIXEL_PARTS = (*IMAGE_PARTS, "decay", "blur", "small-norms", "range")
# What methods on pixels start with, as Lucid does: without it, a unit that is silent on noise is never found.
WAKING: Settings = {"redirected_relu_steps": 16.0}
_NONE: Settings = {}


@dataclass(frozen=True)
class Method:
    """A way to synthesize.

    Attributes:
        prior: "generator" (a trained one draws, which the request chooses), or a parametrisation.
        rule: the update rule.
        parts: those it may have; which ones a row has, its options say.
        defaults: where an option's default differs from the declared one.
        readout: what is read off output units where a request does not say it.
    """

    name: str
    description: str
    citation: str
    prior: str
    rule: str
    parts: tuple[str, ...]
    defaults: Mapping[str, float | None] = field(default_factory=dict)
    readout: Readout = Readout.ACTIVATION

    @property
    def draws_with_a_generator(self) -> bool:
        """Whether a trained prior draws; else the method has a parametrisation of its own."""
        return self.prior == GENERATOR

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Every tunable, with this method's defaults."""
        return tuple(replace(option, default=self.defaults.get(option.name, option.default)) for option in self._declared())

    def _declared(self) -> Iterator[Option]:
        """The options where they are declared, each with the name of what declares it."""
        yield from SCHEDULE
        declared = {self.rule: RULES[self.rule].options}
        declared[self.prior] = GeneratorPrior.options if self.draws_with_a_generator else PARAMETRISATIONS[self.prior].options
        declared |= {name: PARTS[name].options for name in self.parts}
        for name, options in declared.items():
            yield from (replace(option, part=name) for option in options)

    def option(self, name: str) -> Option:
        """The option of this name."""
        return next(option for option in self.options if option.name == name)

    def card_defaults(self, card: ModelCard) -> dict[str, float]:
        """The options whose defaults a prior's card sets: those that it names, and the learning rate for codes of its scale."""
        assert card.code is not None
        needed = self.option(RATE).default is None
        return {**({RATE: card.code.start_learning_rate} if needed else {}), **card.options.get(self.name, {})}

    def problems(self, options: Settings) -> list[str]:
        """What is wrong with a card's defaults of options."""
        known, wrong = {option.name: option for option in self.options}, []
        for name, value in options.items():
            option = known.get(name)
            if option is None:
                wrong.append(f"{name}: {self.name} has no such option")
            elif name == RATE and option.default is None:
                wrong.append(f"{name}: it is code.{RATE} in the card")
            elif not option.minimum <= value <= option.maximum or (option.integer and value != int(value)):
                kind = "an integer " if option.integer else ""
                wrong.append(f"{name}: {value:g} is not {kind}between {option.minimum:g} and {option.maximum:g}")
        return wrong

    def settings(self, given: Settings = _NONE, card_defaults: Settings = _NONE) -> dict[str, float]:
        """Every option's value: the given one, or its default.

        `end_x` is x where neither says otherwise.

        Args:
            given: values by option, in their ranges.
            card_defaults: the prior's own, see `card_defaults`; they come before the method's. What has none anywhere is at its minimum.

        Raises:
            ValueError: the method has no such option.
        """
        if unknown := given.keys() - {option.name for option in self.options}:
            raise ValueError(f"{self.name} has no option {sorted(unknown)[0]}")
        values: dict[str, float] = {}
        for option in self.options:
            own = option.name.removeprefix("end_")
            if option.name in given:
                value = given[option.name]
            elif option.name in card_defaults:
                value = min(card_defaults[option.name], option.maximum)
            elif option.default is None:
                value = values.get(own, option.minimum)
            else:
                value = option.default
            values[option.name] = int(value) if option.integer else value
        return values

    def structure(self, settings: Settings) -> Structure:
        """What a row with these settings has: a part whose switches are all 0 is left out."""
        return Structure(self.prior, self.rule, tuple(name for name in self.parts if PARTS[name].is_on(settings)))

    def needs(self, settings: Settings) -> frozenset[Need]:
        """What of the server a row with these settings cannot do without."""
        on = self.structure(settings).parts
        return frozenset(RULES[self.rule].needs).union(*(PARTS[name].needs for name in on))
