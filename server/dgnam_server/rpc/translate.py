"""Synthesize's and SynthesizePixels' requests -> SynthesisSpec: all checking. Every problem is reported at once, with its field's path."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
from dgnam_models import Generator, Network
from dgnam_models.card import Tap
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import Determinism, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Array, Balance, Readout, Target, Term, Unit

from dgnam_server.catalog import Catalog
from dgnam_server.rpc import lookup, pictures
from dgnam_server.rpc.problems import Problems, listed, nearest, quoted
from dgnam_server.settings import Settings
from dgnam_server.synth import memory, spec
from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, METHODS, Method, Option
from dgnam_server.synth.priors import card_defaults

READOUTS: Mapping[int, spec.Readout] = {
    Readout.READOUT_ACTIVATION: spec.Readout.ACTIVATION,
    Readout.READOUT_PROBABILITY: spec.Readout.PROBABILITY,
    Readout.READOUT_LOG_PROBABILITY: spec.Readout.LOG_PROBABILITY,
}
BALANCES: Mapping[int, spec.Balance] = {
    Balance.BALANCE_NONE: spec.Balance.NONE,
    Balance.BALANCE_GRADIENT_NORM: spec.Balance.GRADIENT_NORM,
    Balance.BALANCE_EQUAL_ACTIVATION: spec.Balance.EQUAL_ACTIVATION,
}
WHOLE: Mapping[str, spec.Readout] = {  # the fields of a Unit that mean all units of its tap
    "direction": spec.Readout.DIRECTION,
    "features": spec.Readout.FEATURES,
    "features_of": spec.Readout.FEATURES,
}
STRICTNESS: Mapping[int, bool] = {Determinism.DETERMINISM_ROUNDING: False, Determinism.DETERMINISM_STRICT: True}
_NO_ENCODER = "the code of {} is no network's activations, so no picture has one"
V = TypeVar("V")
D = TypeVar("D")
# The fields of SynthesizeRequest that are options of one method or another.
_OPTION_FIELDS = sorted({option.name for method in METHODS.values() if method.draws_with_a_generator for option in method.options})
_SEEDS = 2**63  # a row's generator takes a signed 64-bit seed


def synthesis(request: SynthesizeRequest, catalog: Catalog, config: Settings) -> spec.SynthesisSpec:
    """Return the request checked and complete.

    Args:
        config: its `max_...` fields bound what a request may ask for.

    Raises:
        InvalidRequest: fields are malformed or out of range; lists every problem of any kind.
        NotFound: models, taps, units or the method are unknown, and nothing else is wrong.
        FailedPrecondition: the prior's picture is smaller than a network's input, or a network gives no gradients, and nothing else is
            wrong.
    """
    problems = Problems()
    prior = lookup.generator(catalog, request.prior if request.HasField("prior") else catalog.default_prior, "prior", problems)
    method = _method(request.method if request.HasField("method") else DEFAULT_METHOD, False, problems)
    terms = _terms(request.target, catalog, config, prior, method, problems)
    balance = _choice(request.target.balance, BALANCES, spec.Balance.NONE, Balance.items(), "target.balance", problems)
    strict = _choice(request.determinism, STRICTNESS, False, Determinism.items(), "determinism", problems)
    known = method or METHODS[DEFAULT_METHOD]
    given = {name: getattr(request, name) for name in _OPTION_FIELDS if request.HasField(name)}
    _check_names(given, known, "", problems)
    settings = _settings(given, known, prior, config.max_steps, "", problems)
    start = _start(request, prior, catalog, config.max_start_image_pixels, problems)
    _check_needs(known, settings, prior, catalog, "", problems)
    variants = _variants(request, config.max_variants, problems)
    problems.raise_any()
    assert prior is not None and method is not None
    return spec.SynthesisSpec(
        terms=terms,
        balance=balance,
        prior=prior.name,
        method=method.name,
        settings=settings,
        seed=request.seed,
        variants=variants,
        start=start,
        preview_interval=request.preview_interval,
        strict=strict,
    )


def pixels(request: SynthesizePixelsRequest, catalog: Catalog, config: Settings) -> spec.SynthesisSpec:
    """Return the request checked and complete.

    Args:
        config: its `max_...` fields bound what a request may ask for.

    Raises:
        InvalidRequest: fields are malformed or out of range; lists every problem of any kind.
        NotFound: models, taps, units or the method are unknown, and nothing else is wrong.
        FailedPrecondition: a network gives no gradients or there are no patches, and nothing else is wrong.
    """
    problems = Problems()
    method = _method(request.method if request.HasField("method") else DEFAULT_PIXEL_METHOD, True, problems)
    terms = _terms(request.target, catalog, config, None, method, problems)
    balance = _choice(request.target.balance, BALANCES, spec.Balance.NONE, Balance.items(), "target.balance", problems)
    strict = _choice(request.determinism, STRICTNESS, False, Determinism.items(), "determinism", problems)
    settings: spec.Settings = {}
    if method is not None:  # otherwise it is unknown which options there are
        _check_names(request.options, method, "options.", problems)
        settings = _settings(request.options, method, None, config.max_steps, "options.", problems)
        _check_needs(method, settings, None, catalog, "options.", problems)
    size = _size(request, terms, catalog, config.max_pixels, problems)
    start = spec.Start()
    if request.HasField("start_image"):
        start = _start_image(request.start_image, size, config.max_start_image_pixels, problems)
    variants = _variants(request, config.max_variants, problems)
    if terms and settings:
        _check_memory([catalog.networks[term.unit.model] for term in terms], size, config.max_batch_mib, problems)
    problems.raise_any()
    assert method is not None
    return spec.SynthesisSpec(
        terms=terms,
        balance=balance,
        prior="",
        method=method.name,
        settings=settings,
        seed=request.seed,
        variants=variants,
        start=start,
        preview_interval=request.preview_interval,
        strict=strict,
        size=size,
    )


def largest(option: Option, max_steps: int) -> float:
    """The most a request may ask for: the method's own maximum, for steps also the server's."""
    return min(option.maximum, max_steps) if option.name == "steps" else option.maximum


def _method(name: str, pixels: bool, problems: Problems) -> Method | None:
    """The method `name`, if this call takes it: one that optimizes pixels, or one that draws with a prior."""
    method = METHODS.get(name)
    fitting = sorted(known.name for known in METHODS.values() if known.draws_with_a_generator != pixels)
    if method is None:
        problems.missing("method", "method", name, f"there is no method {quoted(name)}; {nearest(name, sorted(METHODS))}")
    elif method.name not in fitting:
        wrong = "draws with a prior: call Synthesize for it" if pixels else "optimizes pixels: call SynthesizePixels for it"
        problems.invalid("method", f"is {name}, which {wrong}; methods of this call are {listed(fitting, 24)}")
        return None
    return method


# --- the target ------------------------------------------------------------------------------------------------------


def _terms(
    target: Target, catalog: Catalog, config: Settings, prior: Generator | None, method: Method | None, problems: Problems
) -> tuple[spec.Term, ...]:
    if not target.terms:
        problems.invalid("target.terms", "is empty; name at least one unit")
    most = config.max_terms
    if len(target.terms) > most:
        problems.invalid("target.terms", f"has {len(target.terms)} terms; at most {most} are allowed")
    units: dict[tuple[spec.Unit, spec.Readout], int] = {}
    found = []
    for index, message in enumerate(target.terms[:most]):
        path = f"target.terms[{index}]"
        term = _term(message, catalog, config.max_start_image_pixels, prior, method, path, problems)
        if term is None:
            continue
        whole = term.readout in WHOLE.values()
        first = index if whole else units.setdefault((term.unit, term.readout), index)
        if first != index:
            problems.invalid(path, f"names the same unit and readout as target.terms[{first}]; make one term of them, with one weight")
        found.append(term)
    return tuple(found)


def _term(
    message: Term, catalog: Catalog, most_pixels: int, prior: Generator | None, method: Method | None, path: str, problems: Problems
) -> spec.Term | None:
    weight = message.weight if message.HasField("weight") else 1.0
    if not math.isfinite(weight) or weight == 0:
        problems.invalid(f"{path}.weight", f"is {weight:g}; it must be a finite number other than 0")
    asked = _choice(message.readout, READOUTS, None, Readout.items(), f"{path}.readout", problems)
    if not message.HasField("unit"):
        problems.invalid(f"{path}.unit", "is not set; give model, tap, and index or label")
        return None
    unit_path = f"{path}.unit"
    network = lookup.network(catalog, message.unit.model, f"{unit_path}.model", problems)
    if network is None:
        return None
    if network.card.forward_only:
        why = f"nothing can be drawn for {network.name}, it gives no usable gradient: {network.card.forward_only}"
        problems.unmet(f"{unit_path}.model", "NOT_DIFFERENTIABLE", why)
    if prior is not None:
        _check_sizes(prior, network, f"{unit_path}.model", problems)
    tap = lookup.tap(network.card, message.unit.tap, f"{unit_path}.tap", problems)
    if tap is None:
        return None
    output = network.card.output_tap
    if (kind := message.unit.WhichOneof("unit")) in WHOLE:
        if message.readout:
            problems.invalid(f"{path}.readout", f"is set, but what is read of the whole tap says unit.{kind}; leave it out")
        return _whole(message.unit, kind, weight, network, tap, most_pixels, unit_path, problems)
    readout = asked or (method.readout if method and tap.name == output else spec.Readout.ACTIVATION)
    if readout is not spec.Readout.ACTIVATION and tap.name != output:
        name = Readout.Name(message.readout)
        problems.invalid(f"{path}.readout", f"is {name}; only the output tap {output} has probabilities, {tap.name} has not")
    unit = _unit(message.unit, network, tap, unit_path, problems)
    return None if unit is None else spec.Term(unit, weight, readout)


def _whole(
    message: Unit, kind: str, weight: float, network: Network, tap: Tap, most_pixels: int, path: str, problems: Problems
) -> spec.Term:
    """A term that reads all units of its tap."""
    position = None
    if message.HasField("position"):
        position = (message.position.y, message.position.x)
        if kind == "direction":
            _check_position(position, tap, f"{path}.position", problems)
        else:
            problems.invalid(f"{path}.position", "is set, but features are those of the whole tap; leave it out")
    unit = spec.Unit(network.name, tap.name, 0, position)
    if kind == "features_of":
        picture = _picture(message.features_of, network.input_size, most_pixels, f"{path}.features_of", problems)
        return spec.Term(unit, weight, WHOLE[kind], picture=picture)
    shape = tap.shape if kind == "features" else tap.shape[:1]
    array = _array(
        message.features if kind == "features" else message.direction, shape, f"{network.name}:{tap.name}", f"{path}.{kind}", problems
    )
    if array is not None and not array.any():
        problems.invalid(f"{path}.{kind}.data", "is all zero; at least one value must not be")
    return spec.Term(unit, weight, WHOLE[kind], vector=None if array is None else array.flatten())


def _unit(message: Unit, network: Network, tap: Tap, path: str, problems: Problems) -> spec.Unit | None:
    index: int | None = None
    match message.WhichOneof("unit"):
        case "index":
            index = lookup.unit_by_index(network.card, tap, message.index, f"{path}.index", problems)
        case "label":
            index = lookup.unit_by_label(network.card, tap, message.label, f"{path}.label", problems)
        case _:
            problems.invalid(path, "has neither index nor label; give one of them")
    position = (message.position.y, message.position.x) if message.HasField("position") else None
    if position is not None:
        _check_position(position, tap, f"{path}.position", problems)
    return None if index is None else spec.Unit(network.name, tap.name, index, position)


def _check_position(position: tuple[int, int], tap: Tap, path: str, problems: Problems) -> None:
    if len(tap.shape) != 3:
        problems.invalid(path, f"is set, but {tap.name} is not convolutional: its units have no positions")
        return
    for axis, value, length in zip("yx", position, tap.shape[1:], strict=True):
        if value >= length:
            problems.invalid(f"{path}.{axis}", f"is {value}; the map of {tap.name} has {axis} from 0 to {length - 1}")


def _check_needs(method: Method, settings: spec.Settings, prior: Generator | None, catalog: Catalog, path: str, problems: Problems) -> None:
    """What the method's rule and parts need of the server is there; `path` comes before an option's name in its field's path."""
    needs = method.needs(settings)
    if prior is not None and "encoder" in needs:
        _check_encoder(prior, method, problems)
    if prior is not None and "denoiser" in needs:
        _check_denoiser(prior, method, catalog, problems)
    if "patches" in needs and catalog.patches is None:
        how = "`python -m dgnam_models.patches --data PHOTOGRAPHS --out PACK`, then `dgnam-server --models PACK`"
        problems.unmet(f"{path}patch_weight", "NO_PATCHES", f"this server has no patches of photographs: {how}")


def _check_encoder(prior: Generator, method: Method, problems: Problems) -> None:
    """A method that looks at the picture's code again needs the network that gives it."""
    assert prior.card.code is not None
    if not prior.card.code.encoder:
        problems.unmet("method", "NO_ENCODER", f"{_NO_ENCODER.format(prior.name)}, which {method.name} asks for; choose another prior")


def _check_denoiser(prior: Generator, method: Method, catalog: Catalog, problems: Problems) -> None:
    """A method that samples codes needs to know what codes photographs have."""
    if prior.denoiser is None:
        others = sorted(name for name, generator in catalog.generators.items() if generator.denoiser is not None)
        where = f"choose another prior: {', '.join(others)}" if others else "no prior here has one"
        problems.unmet("method", "NO_DENOISER", f"{prior.name} has no denoiser of its codes, which {method.name} asks for; {where}")


def _check_sizes(prior: Generator, network: Network, path: str, problems: Problems) -> None:
    """A larger picture is cropped about its centre, where its card does not say to resize it; a smaller one would leave borders empty."""
    drawn, wanted = prior.image_size, network.input_size
    if prior.card.fit == "crop" and (drawn[0] < wanted[0] or drawn[1] < wanted[1]):
        problems.unmet(
            path,
            "IMAGE_SIZE",
            f"the prior {prior.name} draws {drawn[0]} x {drawn[1]} pixels, {network.name} needs {wanted[0]} x {wanted[1]}; "
            "choose a prior that draws at least that",
        )


# --- everything else -------------------------------------------------------------------------------------------------


def _choice(value: int, table: Mapping[int, V], default: D, names: list[tuple[str, int]], path: str, problems: Problems) -> V | D:
    """An enum's meaning. Unset and UNSPECIFIED are the default; a value this server does not know is a problem."""
    if value and value not in table:
        problems.invalid(path, f"is {value}, which is unknown here; it may be {', '.join(name for name, number in names if number)}")
    return table.get(value, default)


def _settings(
    given: Mapping[str, float], method: Method, prior: Generator | None, max_steps: int, path: str, problems: Problems
) -> spec.Settings:
    """Every option's value, given or default; `path` comes before an option's name in its field's path."""
    checked: dict[str, float] = {}
    for option in method.options:
        if option.name not in given:
            continue
        value, maximum = given[option.name], largest(option, max_steps)
        if not option.minimum <= value <= maximum:  # a NaN is in no range
            problems.invalid(path + option.name, f"is {value:g}; it must be from {option.minimum:g} to {maximum:g}")
        elif option.integer and value != int(value):
            whole = f"a whole number from {option.minimum:g} to {maximum:g}"
            problems.invalid(path + option.name, f"is {value:g}; it must be {whole}")
        else:
            checked[option.name] = value
    settings = method.settings(checked, {} if prior is None else card_defaults(prior))
    return {**settings, "steps": min(settings["steps"], max_steps)}


def _check_names(given: Collection[str], method: Method, path: str, problems: Problems) -> None:
    """An option that the method does not have: is it another method's, or nobody's? `path` comes before its name in its field's path."""
    names = [option.name for option in method.options]
    for name in sorted(set(given) - set(names)):
        others = [known for known in METHODS.values() if any(option.name == name for option in known.options)]
        if not others:
            problems.invalid(path + name[:60], f"there is no option {quoted(name)}; {nearest(name, names)}")
        elif not method.draws_with_a_generator and all(known.draws_with_a_generator for known in others):
            whose = listed([known.name for known in others])
            problems.invalid(path + name, f"is an option of {whose}, for drawing with a prior; {method.name} has none: leave it out")
        else:
            whose = listed([known.name for known in others])
            problems.invalid(path + name, f"is an option of {whose}, and {method.name} has no such part: leave it out")


def _size(request: SynthesizePixelsRequest, terms: Sequence[spec.Term], catalog: Catalog, most: int, problems: Problems) -> tuple[int, int]:
    inputs = [catalog.networks[term.unit.model].input_size for term in terms] or [(pictures.LEAST_SIDE_PX,) * 2]
    height = request.height if request.HasField("height") else max(size[0] for size in inputs)
    width = request.width if request.HasField("width") else max(size[1] for size in inputs)
    least = pictures.LEAST_SIDE_PX
    for name, side in (("height", height), ("width", width)):
        if side < least:
            problems.invalid(name, f"is {side}; it must be at least {least}")
    if height * width > most:
        problems.invalid("height", f"with width makes {height} x {width} pixels; at most {most} are allowed")
        return (least, least)
    return (max(height, least), max(width, least))


def _check_memory(networks: Sequence[Network], size: tuple[int, int], most_mib: int, problems: Problems) -> None:
    needed = memory.row_bytes(networks, size) / 2**20
    if needed > most_mib:
        problems.invalid("height", f"with width needs about {needed:.0f} MiB; a batch here has {most_mib}: ask for a smaller picture")


def _start(request: SynthesizeRequest, prior: Generator | None, catalog: Catalog, most_pixels: int, problems: Problems) -> spec.Start:
    match request.WhichOneof("start"):
        case "start_code":
            return spec.Start(code=_start_code(request, prior, problems))
        case "start_image":
            size = (pictures.LEAST_SIDE_PX,) * 2
            if prior is not None:
                assert prior.card.code is not None
                if not prior.card.code.encoder:
                    problems.unmet("start_image", "NO_ENCODER", f"{_NO_ENCODER.format(prior.name)}; leave it out, or give start_code")
                    return spec.Start()
                size = catalog.networks[prior.card.code.encoder].input_size
            return _start_image(request.start_image, size, most_pixels, problems)
    return spec.Start()


def _start_image(data: bytes, size: tuple[int, int], most_pixels: int, problems: Problems) -> spec.Start:
    return spec.Start(image=_picture(data, size, most_pixels, "start_image", problems))


def _picture(data: bytes, size: tuple[int, int], most_pixels: int, path: str, problems: Problems) -> np.ndarray | None:
    try:
        return pictures.decode(data, size, most_pixels)
    except ValueError as error:
        problems.invalid(path, str(error))
        return None


def _start_code(request: SynthesizeRequest, prior: Generator | None, problems: Problems) -> np.ndarray | None:
    if prior is None:  # nothing to compare with, and its name is a problem already
        return None
    return _array(request.start_code, (prior.code_size,), f"a code of {prior.name}", "start_code", problems)


def _array(message: Array, shape: tuple[int, ...], what: str, path: str, problems: Problems) -> np.ndarray | None:
    """An array that must have this shape, and finite values."""
    if tuple(message.shape) != shape:
        problems.invalid(f"{path}.shape", f"is {list(message.shape)[:8]}; {what} has the shape {list(shape)}")
        return None
    try:
        array = arrays.from_message(message)
    except ValueError as error:
        problems.invalid(f"{path}.data", str(error))
        return None
    if not np.isfinite(array).all():
        problems.invalid(f"{path}.data", "has values that are infinite or not numbers")
    return array


def _variants(request: SynthesizeRequest | SynthesizePixelsRequest, most: int, problems: Problems) -> int:
    variants = request.variants if request.HasField("variants") else 1
    if not 1 <= variants <= most:
        problems.invalid("variants", f"is {variants}; it must be from 1 to {most}")
    if request.seed + variants >= _SEEDS:
        problems.invalid("seed", f"is {request.seed}; the seed plus the number of variants must be below 2^63")
    return variants
