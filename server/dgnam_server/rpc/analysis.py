"""AnalysisService: read which pictures and places, have networks look, write what they saw."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import (
    ActivationsRequest,
    ActivationsResponse,
    ExemplarsRequest,
    ExemplarsResponse,
    GetFiltersRequest,
    GetFiltersResponse,
    OccludeRequest,
    ProjectRequest,
    TransformRequest,
)

from dgnam_server.catalog import Catalog
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.work import Work
from dgnam_server.rpc import exemplars, filters, occlude, payload, percentiles, pictures, places, project, queueing, transform
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import News
from dgnam_server.rpc.queueing import Queueing
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.rpc.submission import Context, Submitter, passed_on


class Writer(Protocol):
    """Makes the messages of one streaming call."""

    def message(self, event: News | None) -> Any:
        """One event's message, a heartbeat of None; None where there is nothing to say."""


@dataclass(frozen=True, eq=False)
class AnalysisServicer(analysis_pb2_grpc.AnalysisServiceServicer):
    """Shows pictures to networks. Decoding and packing happen beside the event loop."""

    submitter: Submitter
    provenance: Provenance
    fields: ReceptiveFields = field(default_factory=ReceptiveFields)

    async def Activations(self, request: ActivationsRequest, context: Context) -> ActivationsResponse:  # noqa: N802
        """The activations that pictures give places."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        look = await pictured(reader, request, await pools.check(read, reader, request), pools.decoder.decode)
        work = self.submitter.builder.activations(look.pictures, look.places)
        values = await self.submitter.values(work, context, queueing.read(request))
        return await pools.encode(response, self.submitter.builder.catalog, look, values)

    async def Project(self, request: ProjectRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of projections."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        spec = await pools.check(project.read, reader, request)
        spec = await project.pictured(reader, request, spec, pools.decoder.decode, self.fields)
        work = self.submitter.builder.projection(spec)
        await self._stream(work, project.Writer(request, spec, work.network, self.provenance), context, queueing.read(request))

    async def Occlude(self, request: OccludeRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of occlusions."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        spec = await occlude.pictured(reader, request, await pools.check(occlude.read, reader, request), pools.decoder.decode)
        work = self.submitter.builder.occlusion(spec)
        await self._stream(work, occlude.Writer(request, spec, work, self.provenance), context, queueing.read(request))

    async def Exemplars(self, request: ExemplarsRequest, context: Context) -> None:  # noqa: N802
        """Streams a unit's strongest photographs."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        shown = await exemplars.pictured(reader, await pools.check(exemplars.read, reader, request), pools, self.fields)
        if shown.projection is None:
            for number in range(len(shown.exemplars)):
                message = ExemplarsResponse(result=shown.message(number))
                await passed_on(context, message, self.submitter.limits.read_timeout_s)
            return
        work = self.submitter.builder.projection(shown.projection)
        inner = exemplars.project_request(request)
        inner.images.extend(shown.seen)
        writer = project.Writer(inner, shown.projection, work.network, self.provenance)
        await self._stream(work, exemplars.Writer(shown, writer), context, queueing.read(request))

    async def Transform(self, request: TransformRequest, context: Context) -> None:  # noqa: N802
        """Streams the events of invariances."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        spec = await transform.pictured(reader, request, await pools.check(transform.read, reader, request), pools.decoder.decode)
        work = self.submitter.builder.invariance(spec)
        await self._stream(work, transform.Writer(request, spec, work, self.provenance), context, queueing.read(request))

    async def GetFilters(self, request: GetFiltersRequest, context: Context) -> GetFiltersResponse:  # noqa: N802
        """A network's first-layer filters."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        return await pools.encode(filters.response, await pools.check(filters.read, reader, request), request.shared_scale)

    async def _stream(self, work: Work, writer: Writer, context: Context, waits: Queueing) -> None:
        async with aclosing(self.submitter.deliveries(work, context, waits)) as deliveries:
            async for delivery in deliveries:
                if (message := await self.submitter.pools.encode(writer.message, delivery)) is not None:
                    await passed_on(context, message, self.submitter.limits.read_timeout_s)


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
    queueing.check(reader, request)
    images = pictures.check_all(reader, request.images)
    most = reader.limits.max_terms
    if not 1 <= len(request.places) <= most:
        reader.at("places").invalid(f"{len(request.places)} are not between 1 and {most}")
    found = [places.read(reader.at("places", index), message) for index, message in enumerate(request.places[:most])]
    right = [place for place in found if place is not None]
    needed = sum(payload.array_bytes(len(images), *place.shape) for place in right)
    needed += sum(payload.array_bytes(percentiles.values(reader.catalog, place, len(images))) for place in right)
    payload.check(reader.at("places"), needed, "name units instead of whole taps, or send fewer images")
    reader.raise_any()
    inputs = [place.network.input_size for place in right]
    size = max(height for height, _ in inputs), max(width for _, width in inputs)
    return Look([Place(place.network.name, place.tap.name, place.index, place.position) for place in right], size)


async def pictured(reader: Reader, request: ActivationsRequest, look: Look, decode: pictures.Decode) -> Look:
    """Return what `read` made of the request, with its pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
    """
    return replace(look, pictures=await pictures.read_all(reader, decode, request.images, look.size))


def response(catalog: Catalog, look: Look, values: Sequence[Sequence[np.ndarray]]) -> ActivationsResponse:
    """What each picture gave the places, as an array for each place, and how that compares with photographs'."""
    found = [np.stack(of_place) for of_place in zip(*values, strict=True)]
    return ActivationsResponse(
        activations=list(map(arrays.to_message, found)),
        model_digests={place.model: catalog.cards[place.model].sha256 for place in look.places},
        percentiles=percentiles.of_places(catalog, look.places, found),
    )
