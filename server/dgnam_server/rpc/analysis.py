"""AnalysisService: read which pictures and places, have networks look, write what they saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from dgnam_models import Network
from dgnam_models.card import Tap
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2, analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, ActivationsResponse

from dgnam_server.catalog import Catalog
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.rpc import lookup, payload, pictures
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.submission import Context, Submitter


@dataclass(frozen=True, eq=False)
class AnalysisServicer(analysis_pb2_grpc.AnalysisServiceServicer):
    """Shows pictures to networks. Decoding and packing happen beside the event loop."""

    submitter: Submitter

    async def Activations(self, request: ActivationsRequest, context: Context) -> ActivationsResponse:  # noqa: N802
        """The activations that pictures give places."""
        pools = self.submitter.pools
        reader = self.submitter.reader()
        look = await pictured(reader, request, await pools.check(read, reader, request), pools.decoder.decode)
        values = await self.submitter.values(self.submitter.builder.activations(look.pictures, look.places), context)
        return await pools.encode(response, self.submitter.builder.catalog, look, values)


@dataclass(frozen=True, eq=False)
class Look:
    """Where to look, and at what: `pictures`, (H, W, 3) float32 RGB in [0, 1], all of one `size`."""

    places: Sequence[Place]
    size: tuple[int, int]
    pictures: Sequence[np.ndarray] = ()


def read(reader: Reader, request: ActivationsRequest) -> Look:
    """Return the request checked; `pictured` adds the pictures, which are decoded last, when nothing else is wrong.

    Raises:
        InvalidRequest: fields are malformed or out of range, or no message holds what is asked for; lists every violation of any kind.
        NotFound: models, taps or units are unknown, and nothing else is wrong.
    """
    for name, values, most in (
        ("images", request.images, reader.limits.max_variants),
        ("places", request.places, reader.limits.max_terms),
    ):
        if not 1 <= len(values) <= most:
            reader.at(name).invalid(f"{len(values)} are not between 1 and {most}")
    images = request.images[: reader.limits.max_variants]
    for index, data in enumerate(images):
        pictures.check(reader.at("images", index), data)
    messages = request.places[: reader.limits.max_terms]
    found = [_place(reader.at("places", index), message) for index, message in enumerate(messages)]
    needed = sum(payload.array_bytes(len(images), *shape) for _, shape in found)
    payload.check(reader.at("places"), needed, "name units instead of whole taps, or send fewer images")
    reader.raise_any()
    places = [place for place, _ in found]
    inputs = [reader.catalog.networks[place.model].input_size for place in places]
    size = max(height for height, _ in inputs), max(width for _, width in inputs)
    return Look(places, size)


async def pictured(reader: Reader, request: ActivationsRequest, look: Look, decode: pictures.Decode) -> Look:
    """Return what `read` made of the request, with its pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
    """
    decoded = [await pictures.read(reader.at("images", index), decode, data, look.size) for index, data in enumerate(request.images)]
    reader.raise_any()
    return replace(look, pictures=[picture for picture in decoded if picture is not None])


def response(catalog: Catalog, look: Look, values: Sequence[Sequence[np.ndarray]]) -> ActivationsResponse:
    """What each picture gave the places, as an array for each place."""
    return ActivationsResponse(
        activations=[arrays.to_message(np.stack(of_place)) for of_place in zip(*values, strict=True)],
        model_digests={place.model: catalog.cards[place.model].sha256 for place in look.places},
    )


def _place(reader: Reader, message: analysis_pb2.Place) -> tuple[Place, tuple[int, ...]]:
    """A place, and the shape of what one picture gives it; an empty one where it is not right."""
    network = lookup.network(reader.at("model"), message.model)
    if network is None:
        return Place("", ""), ()
    tap = lookup.tap(reader.at("tap"), network.card, message.tap if message.HasField("tap") else network.card.output_tap)
    if tap is None:
        return Place("", ""), ()
    place = Place(network.name, tap.name, _unit(reader, message, network, tap), _position(reader, message, tap))
    shape = tap.shape if place.position is None else tap.shape[:1]
    return place, shape if place.index is None else shape[1:]


def _unit(reader: Reader, message: analysis_pb2.Place, network: Network, tap: Tap) -> int | None:
    match message.WhichOneof("unit"):
        case "index":
            return lookup.unit_by_index(reader.at("index"), network.card, tap, message.index, message.bare)
        case "label":
            return lookup.unit_by_label(reader.at("label"), network.card, tap, message.label)
    return None


def _position(reader: Reader, message: analysis_pb2.Place, tap: Tap) -> tuple[int, int] | None:
    return lookup.position(reader.at("position"), tap, message.position) if message.HasField("position") else None
