"""DrawRequest -> a prior and codes, and pictures -> DrawResponse."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from dgnam_models import Generator
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import DrawRequest, DrawResponse, Include, Picture
from dgnam_proto.v1.target_pb2 import Array

from dgnam_server.rpc import lookup, payload, pictures, queueing
from dgnam_server.rpc.fields import Reader


@dataclass(frozen=True, eq=False)
class Codes:
    """What to draw: `values` (N, D) float32, codes of `prior`."""

    prior: Generator
    values: np.ndarray


def read(reader: Reader, request: DrawRequest) -> Codes:
    """Return the request checked.

    Raises:
        InvalidRequest: the codes are not the prior's, too many, not finite, or their pictures fit into no message.
        NotFound: the prior is unknown, and nothing else is wrong.
    """
    queueing.check(reader, request)
    prior = lookup.prior(reader, request)
    values = None if prior is None else _values(reader.at("codes"), request.codes, prior)
    if prior is not None and values is not None:
        needed = len(values) * payload.picture_bytes(request.include, prior.image_size)
        payload.check(reader.at("include"), needed, "leave out image or png, or send fewer codes")
    reader.raise_any()
    assert prior is not None and values is not None
    return Codes(prior, values)


def response(codes: Codes, images: Sequence[np.ndarray], include: Include) -> DrawResponse:
    """The pictures (H, W, 3) float32 that the codes gave, in their order."""
    return DrawResponse(
        pictures=[_picture(image, include) for image in images],
        model_digests={codes.prior.name: codes.prior.card.sha256},
    )


def _values(reader: Reader, message: Array, prior: Generator) -> np.ndarray | None:
    shape = (1, *message.shape) if len(message.shape) == 1 else tuple(message.shape[:3])  # a hostile shape is long
    size, most = prior.code_size, reader.limits.max_variants
    if len(shape) != 2 or shape[1] != size or not shape[0]:
        wanted = f"[{size}] or [pictures, {size}], the shape of codes of {prior.name}"
        reader.at("shape").invalid(f"{list(message.shape[:8])} is not {wanted}")
        return None
    if shape[0] > most:
        reader.at("shape").invalid(f"{shape[0]} codes are more than {most}")
        return None
    values = reader.array(message, tuple(message.shape), "the codes")
    return None if values is None else values.reshape(shape)


def _picture(image: np.ndarray, include: Include) -> Picture:
    picture = Picture()
    if payload.wanted(include, "png"):
        picture.png = pictures.encode_png(image)
    if payload.wanted(include, "image"):
        picture.image.CopyFrom(arrays.to_message(image))
    return picture
