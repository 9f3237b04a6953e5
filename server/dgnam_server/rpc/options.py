"""A method's options by name -> its settings, checked, with the defaults filled in."""

from collections.abc import Mapping, Sequence

from dgnam_models import Generator

from dgnam_server.analysis import PROJECTIONS, Attribution
from dgnam_server.rpc.errors import Reason
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.wording import SHOWN, listed, nearest, quoted
from dgnam_server.synth.methods import METHODS, Method, Option
from dgnam_server.synth.parts.activation_map import ACTIVATION_MAP
from dgnam_server.synth.problem import last_maps
from dgnam_server.synth.spec import Settings, Term

NO_ENCODER = "the codes of {} are no network's activations, so no picture has one"
_MOST = 256  # options of a request; no method has half as many
_NAMED = 8  # unknown options told one by one: looking for the names most like one takes time


def settings(reader: Reader, given: Mapping[str, float], method: Method, prior: Generator | None) -> Settings:
    """The value of every option, given or default; the reader stands at `options`."""
    values = method.settings(_right(reader, given, method), {} if prior is None else method.card_defaults(prior.card))
    return {**values, "steps": min(values["steps"], reader.limits.max_steps)}


def of_projection(reader: Reader, given: Mapping[str, float], method: Attribution) -> Settings:
    """The value of every option of a method of projection, given or default; the reader stands at `options`."""
    values = method.settings(_right(reader, given, method))
    return {name: min(value, reader.limits.max_steps) if name == "steps" else value for name, value in values.items()}


def check_needs(reader: Reader, method: Method, values: Settings, prior: Generator | None) -> None:
    """Whether this server's models have what the method needs with these settings; the reader stands at the request."""
    needs = method.needs(values)
    if prior is not None:
        assert prior.card.code is not None
        if "encoder" in needs and not prior.card.code.encoder:
            why = NO_ENCODER.format(prior.name)
            reader.at("method").unmet(Reason.NO_ENCODER, f"{why}, and {method.name} needs it: choose another prior")
        if "denoiser" in needs and prior.denoiser is None:
            others = sorted(name for name, other in reader.catalog.generators.items() if other.denoiser is not None)
            where = f"choose another prior: {listed(others)}" if others else "no prior here has one"
            reader.at("method").unmet(Reason.NO_DENOISER, f"{method.name} needs a denoiser of codes, and {prior.name} has none; {where}")
    if "patches" in needs and reader.catalog.patches is None:
        how = "make them with `dgnam-models patches --data PHOTOGRAPHS --into PACK` and start `dgnam-server --models PACK`"
        reader.at("options").at("patch_weight").unmet(Reason.NO_PATCHES, f"this server has no patches of photographs; {how}")


def check_maps(reader: Reader, method: Method, values: Settings, terms: Sequence[Term]) -> None:
    """Whether the networks have the maps that an activation map is made of; the reader stands at `options`."""
    if ACTIVATION_MAP.name not in method.structure(values).parts:
        return
    for model, tap in dict.fromkeys((term.unit.model, term.unit.tap) for term in terms):
        if last_maps(reader.catalog.networks[model].card, tap) is None:
            why = f"{model} has no convolutional tap on the way to {tap}, so there is no activation map"
            reader.at("cam_weight").invalid(f"{why}: leave cam_weight and end_cam_weight out, or choose another network")
            return


def largest(option: Option, max_steps: int) -> float:
    """The most a request may ask for: the method's own maximum, for steps also the server's."""
    return min(option.maximum, max_steps) if option.name == "steps" else option.maximum


def _right(reader: Reader, given: Mapping[str, float], method: Method | Attribution) -> dict[str, float]:
    """Those of the options given that the method has and that are in their ranges."""
    known = {option.name: option for option in method.options}
    if len(given) > _MOST:
        reader.invalid(f"{len(given)} options are more than {_MOST}")
        given = {}
    unknown = sorted(given.keys() - known.keys())
    for name in unknown[:_NAMED]:
        _unknown(reader.at(name[:SHOWN]), name, method)
    if more := unknown[_NAMED:]:
        reader.invalid(f"{method.name} does not have {len(more)} more of the options given")
    most_steps = reader.limits.max_steps
    return {
        name: given[name]
        for name, option in known.items()
        if name in given
        and reader.at(name).within(given[name], option.minimum, largest(option, most_steps), "an integer" if option.integer else "")
    }


def _unknown(reader: Reader, name: str, method: Method | Attribution) -> None:
    """An option that the method does not have: is it another method's, or nobody's?"""
    table: Mapping[str, Method | Attribution] = METHODS if isinstance(method, Method) else PROJECTIONS
    if len(name) > SHOWN:
        reader.invalid(f"{method.name} has no option {quoted(name)}")
    elif not method.options:
        reader.invalid(f"{method.name} has no options: leave {quoted(name)} out")
    elif others := [other.name for other in table.values() if any(option.name == name for option in other.options)]:
        reader.invalid(f"{method.name} has no such option; {listed(others)} {'has' if len(others) == 1 else 'have'} it")
    else:
        reader.invalid(f"{method.name} has no option {quoted(name)}; {nearest(name, [option.name for option in method.options])}")
