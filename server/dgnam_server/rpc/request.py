"""SynthesizeRequest, SynthesizePixelsRequest -> SynthesisSpec: one path, on which the request's space says which fields there are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dgnam_models import Generator
from dgnam_proto.v1 import synthesis_pb2
from dgnam_proto.v1.synthesis_pb2 import Determinism, SynthesizeRequest

from dgnam_server.rpc import decoding, hole, lookup, options, payload, pictures, queueing, space, start, target
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.space import Request, Space
from dgnam_server.rpc.wording import listed, quoted
from dgnam_server.synth import memory, spec
from dgnam_server.synth.methods import METHODS, Method

FITS: Mapping[int, spec.Fit] = {synthesis_pb2.FIT_RESIZE: spec.Fit.RESIZE, synthesis_pb2.FIT_CROP: spec.Fit.CROP}
STRICTNESS: Mapping[int, bool] = {Determinism.DETERMINISM_ROUNDING: False, Determinism.DETERMINISM_STRICT: True}
SEEDS = 2**63  # a row's generator takes a signed 64-bit seed


def read(reader: Reader, request: Request) -> spec.SynthesisSpec:
    """Return the request checked, and complete but for its pictures, which `pictured` adds.

    They are decoded last, when nothing else is wrong, so that a wrong request costs little; what the first bytes of their files tell is
    told with the rest.

    Raises:
        InvalidRequest: fields are malformed or out of range; lists every violation of any kind.
        NotFound: models, taps, units or the method are unknown, and nothing else is wrong.
        FailedPrecondition: the models here cannot do what is asked, and nothing else is wrong.
    """
    found = checked(reader, request)
    reader.raise_any()
    return found


def checked(reader: Reader, request: Request) -> spec.SynthesisSpec:
    """As `read`, but what is wrong is left to the reader; then the spec means nothing."""
    here = space.OF_REQUEST[type(request)]
    method = _method(reader.at("method"), request, here)
    prior = lookup.prior(reader, request) if isinstance(request, SynthesizeRequest) else None
    at_target = reader.at("target")
    terms = target.terms(at_target, request.target, method.readout if method else spec.Readout.ACTIVATION)
    size = _size(reader, request, terms, prior)
    settings = _settings(reader, request, method, prior, terms)
    found = spec.SynthesisSpec(
        terms=terms,
        balance=target.balance(at_target, request.target),
        prior=prior.name if prior else "",
        method=method.name if method else "",
        settings=settings,
        seed=request.seed,
        variants=_variants(reader, request),
        start=start.checked(reader, request, prior),
        preview_interval=request.preview_interval,
        strict=reader.at("determinism").choice(request.determinism, STRICTNESS, Determinism) or False,
        size=size,
        fit=_fit(reader, request, prior),
    )
    hole.check(reader, request)
    _check_payload(reader.at("include"), request, found)
    queueing.check(reader, request)
    return found


async def pictured(reader: Reader, request: Request, checked: spec.SynthesisSpec, decode: pictures.Decode) -> spec.SynthesisSpec:
    """Return what `read` made of the request, with its pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
    """
    terms = await target.pictured(reader.at("target"), request.target, checked.terms, decode)
    drawn = reader.catalog.generators[checked.prior].image_size if checked.prior else checked.size
    begin, held = await start.pictured(reader, request, checked, decode), await hole.pictured(reader, request, drawn, decode)
    ready = replace(checked, terms=terms, start=begin, hole=held)
    reader.raise_any()
    return ready


def _method(reader: Reader, request: Request, here: Space) -> Method | None:
    """The method that the request names, if its call takes it, or the call's default."""
    name = request.method if request.HasField("method") else here.default_method
    if name in here.methods:
        return here.methods[name]
    if name in METHODS:
        there = space.of(METHODS[name])
        reader.invalid(f"{name} {there.draws}: call {there.call} for it; the methods of {here.call} are {listed(list(here.methods), 24)}")
    else:
        reader.missing("method", name, f"there is no method {quoted(name)}; {reader.suggestion(name, list(here.methods))}")
    return None


def _settings(
    reader: Reader, request: Request, method: Method | None, prior: Generator | None, terms: Sequence[spec.Term]
) -> spec.Settings:
    if method is None:  # then it is unknown which options there are
        return {}
    at_options = reader.at("options")
    settings = start.settings(at_options, request, options.settings(at_options, request.options, method, prior))
    settings = hole.settings(at_options, request, settings)
    options.check_needs(reader, method, settings, prior)
    options.check_maps(at_options, method, settings, terms)
    return settings


def _fit(reader: Reader, request: Request, prior: Generator | None) -> spec.Fit:
    """How pictures get a network's size: as asked, or as the prior's card says."""
    usual = spec.Fit(prior.card.fit) if prior else spec.Fit.RESIZE
    return reader.at("fit").choice(request.fit, FITS, synthesis_pb2.Fit) or usual


def _size(reader: Reader, request: Request, terms: Sequence[spec.Term], prior: Generator | None) -> tuple[int, int]:
    """Height and width, given or what the prior draws, or else those of the largest input.

    Each is limited, and so are their product and the memory that networks take for it; with a prior, they see what it draws.
    """
    least, most = decoding.LEAST_SIDE_PX, reader.limits.max_pixels
    if isinstance(request, SynthesizeRequest) and not (request.HasField("height") or request.HasField("width")):
        return prior.image_size if prior else (least, least)
    networks = [] if isinstance(request, SynthesizeRequest) else [reader.catalog.networks[term.unit.model] for term in terms]
    inputs = [prior.image_size] if prior else [network.input_size for network in networks] or [(least, least)]
    height = request.height if request.HasField("height") else max(size[0] for size in inputs)
    width = request.width if request.HasField("width") else max(size[1] for size in inputs)
    sides = [reader.at(name).within(side, least, most // least) for name, side in (("height", height), ("width", width))]
    if not all(sides):
        return (least, least)  # what is refused goes no further
    needed_mib = memory.row_bytes(networks, (height, width)) / 2**20
    if height * width > most:
        reader.at("height").invalid(f"{height} x {width} pixels are more than {most}")
    elif needed_mib > reader.limits.max_batch_mib:
        why = f"{height} x {width} pixels need about {needed_mib:.0f} MiB of memory, more than {reader.limits.max_batch_mib}"
        reader.at("height").invalid(f"{why}: ask for a smaller picture")
    else:
        return (height, width)
    return (least, least)


def _variants(reader: Reader, request: Request) -> int:
    variants = request.variants if request.HasField("variants") else 1
    reader.at("variants").within(variants, 1, reader.limits.max_variants)
    reader.at("seed").within(request.seed, 0, SEEDS - 1 - variants)
    return variants


def _check_payload(reader: Reader, request: Request, checked: spec.SynthesisSpec) -> None:
    """Whether one result fits into a message: the picture, a code, the history, and the request in the recipe."""
    include = request.include
    needed = request.ByteSize() + payload.picture_bytes(include, checked.size)
    code = () if checked.prior else (3, *checked.size)  # a prior's code is small, others are as large as the picture
    needed += payload.wanted(include, "code") * payload.array_bytes(*code)
    needed += (not checked.prior) * payload.wanted(include, "alpha") * math.prod(checked.size)
    needed += payload.wanted(include, "history") * payload.array_bytes(int(checked.settings.get("steps", 0)), len(checked.terms))
    payload.check(reader, needed, "leave out image, code or alpha")
