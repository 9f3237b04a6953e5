"""Space: what tells Synthesize from SynthesizePixels, as data, so that both take one path."""

from collections.abc import Mapping
from dataclasses import dataclass

from dgnam_proto.v1 import catalog_pb2
from dgnam_proto.v1.synthesis_pb2 import (
    SynthesizePixelsRequest,
    SynthesizePixelsResponse,
    SynthesizeRequest,
    SynthesizeResponse,
)

from dgnam_server.synth.methods import DEFAULT_METHOD, DEFAULT_PIXEL_METHOD, METHODS, Method

Request = SynthesizeRequest | SynthesizePixelsRequest
Response = SynthesizeResponse | SynthesizePixelsResponse


@dataclass(frozen=True)
class Space:
    """One of the two calls that synthesize.

    Attributes:
        call: the RPC's name.
        draws: what its methods do, for messages.
        recipe: the field of a Recipe that holds such a request.
    """

    number: catalog_pb2.Space
    call: str
    draws: str
    response: type[SynthesizeResponse] | type[SynthesizePixelsResponse]
    recipe: str
    default_method: str

    @property
    def methods(self) -> Mapping[str, Method]:
        """Those that this call takes, by name."""
        return {name: method for name, method in METHODS.items() if of(method) is self}


CODE = Space(catalog_pb2.SPACE_CODE, "Synthesize", "draws with a prior", SynthesizeResponse, "synthesize", DEFAULT_METHOD)
PIXELS = Space(
    catalog_pb2.SPACE_PIXELS, "SynthesizePixels", "optimizes pixels", SynthesizePixelsResponse, "synthesize_pixels", DEFAULT_PIXEL_METHOD
)
OF_REQUEST: Mapping[type[Request], Space] = {SynthesizeRequest: CODE, SynthesizePixelsRequest: PIXELS}


def of(method: Method) -> Space:
    """The space that a method searches."""
    return CODE if method.draws_with_a_generator else PIXELS
