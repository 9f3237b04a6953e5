"""Where the ascent starts: a request's start code or start image."""

from dataclasses import replace

from dgnam_models import Generator
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest

from dgnam_server.rpc import pictures
from dgnam_server.rpc.errors import Reason
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.options import NO_ENCODER
from dgnam_server.rpc.space import Request
from dgnam_server.synth.spec import Settings, Start, SynthesisSpec


def checked(reader: Reader, request: Request, prior: Generator | None) -> Start:
    """The start, checked; `pictured` adds the start image."""
    if isinstance(request, SynthesizeRequest) and request.HasField("start_code") and prior is not None:
        return Start(code=reader.at("start_code").array(request.start_code, (prior.code_size,), f"a code of {prior.name}"))
    if request.HasField("start_image"):
        at_image = reader.at("start_image")
        if prior is not None and not _encoder(prior):
            at_image.unmet(Reason.NO_ENCODER, f"{NO_ENCODER.format(prior.name)}: leave it out, or give start_code")
        else:
            pictures.check(at_image, request.start_image)
    return Start()


async def pictured(reader: Reader, request: Request, spec: SynthesisSpec, decode: pictures.Decode) -> Start:
    """The start of a request without violations, with its image. Decodes it, which takes time."""
    if not request.HasField("start_image"):
        return spec.start
    size = spec.size
    if spec.prior:
        size = reader.catalog.encoders[spec.prior].input_size
    return replace(spec.start, image=await pictures.read(reader.at("start_image"), decode, request.start_image, size))


def settings(reader: Reader, request: Request, values: Settings) -> Settings:
    """The settings of a request; with a start of its own, nothing is drawn to start from. The reader stands at `options`."""
    given = request.WhichOneof("start") if isinstance(request, SynthesizeRequest) else None
    if given is not None:
        wrong = f"{given} says already where the ascent starts: leave one of the two out"
        unused = ["start_draws", "start_redraws"]
    elif not values.get("start_draws"):
        wrong = "these draws go where start_draws are liked best, and there are none: set start_draws, too, or leave start_redraws out"
        unused = ["start_redraws"]
    else:
        return values
    for name in unused:
        if values.get(name) and name in request.options:
            reader.at(name).invalid(wrong)
    return {name: 0 if name in unused else value for name, value in values.items()}


def _encoder(prior: Generator) -> str:
    assert prior.card.code is not None
    return prior.card.code.encoder
