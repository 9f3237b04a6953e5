"""ExemplarsRequest -> a unit's strongest photographs, read and decoded; and messages of the stream."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from dgnam_models import Network
from dgnam_models.card import Tap
from dgnam_models.errors import ExemplarError
from dgnam_models.exemplars import Exemplar, ExemplarIndex
from dgnam_models.photographs import label
from dgnam_models.receptive_field import Box
from dgnam_proto.v1 import analysis_pb2
from dgnam_proto.v1.analysis_pb2 import ExemplarsRequest, ExemplarsResponse, PixelBox, ProjectRequest
from dgnam_proto.v1.target_pb2 import Position

from dgnam_server.engine.builder import ProjectionSpec
from dgnam_server.rpc import lookup, payload, pictures, places, project, queueing
from dgnam_server.rpc.errors import Reason
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import News
from dgnam_server.rpc.pools import Pools
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.rpc.wording import listed, quoted

COUNT = 9
_LONGEST_NAME = 256


@dataclass(frozen=True, eq=False)
class Shown:
    """What is shown of a unit: `exemplars`, as its index has them, and once they are decoded what goes with each.

    Attributes:
        projection: what is projected; None: nothing is.
        seen: PNG files of the photographs as the network sees them.
        boxes: what of them the unit sees.
    """

    index: ExemplarIndex
    network: Network
    tap: Tap
    unit: int
    exemplars: Sequence[Exemplar]
    projection: ProjectionSpec | None
    seen: Sequence[bytes] = ()
    boxes: Sequence[Box] = ()

    def message(self, number: int, projection: analysis_pb2.Projection | None = None) -> analysis_pb2.Exemplar:
        """One of them on the wire."""
        one, box = self.exemplars[number], self.boxes[number]
        labels = lookup.labels_of(self.network.card, self.tap)
        return analysis_pb2.Exemplar(
            rank=number + 1,
            photograph=self.index.images.names[one.photograph][1],
            folder=label(self.index.images.folder(one.photograph)),
            unit=self.unit,
            label=labels[self.unit] if labels else "",
            activation=one.activation,
            position=None if one.position is None else Position(y=one.position[0], x=one.position[1]),
            box=PixelBox(top=box.top, left=box.left, bottom=box.bottom, right=box.right),
            seen=self.seen[number],
            projection=projection,
            index=self.index.name,
            photographs=self.index.header.indexed,
        )


def read(reader: Reader, request: ExemplarsRequest) -> Shown:
    """Return the request checked; `pictured` adds the photographs.

    Raises:
        InvalidRequest, NotFound, FailedPrecondition: every violation at once.
    """
    queueing.check(reader, request)
    shown = fields(reader, request)
    reader.raise_any()
    assert shown is not None
    return shown


def fields(reader: Reader, request: ExemplarsRequest) -> Shown | None:
    """All of a request but how it waits; None where something is not right."""
    projects = not request.HasField("project") or request.project
    spec = project.fields(reader, project_request(request)) if projects else None
    told = Reader(reader.catalog, reader.limits) if projects else reader.at("place")  # of a place once what is wrong with it
    place = places.read(told, request.place)
    if place is not None:
        if request.place.WhichOneof("unit") is None:
            reader.at("place").invalid(f"it names all of {place.network.name}:{place.tap.name}: name one unit")
        if place.position is not None:
            reader.at("place").at("position").invalid("photographs are ranked by the strongest of the map's activations: leave it out")
        payload.check(reader.at("count"), payload.array_bytes(3, *place.network.input_size) * 3, "choose a network of smaller pictures")
    index = None if place is None else _index(reader, request, place)
    count = _count(reader, request, index)
    if place is None or place.index is None or index is None:
        return None
    return Shown(index, place.network, place.tap, place.index, index.strongest(place.tap.name, place.index, count), spec)


def project_request(request: ExemplarsRequest) -> ProjectRequest:
    """The request for projections in a request for exemplars, without pictures."""
    asked = ProjectRequest(place=request.place, options=request.options, determinism=request.determinism)
    for name in ("method", "layer"):
        if request.HasField(name):
            setattr(asked, name, getattr(request, name))
    return asked


async def pictured(reader: Reader, shown: Shown, pools: Pools, fields: ReceptiveFields) -> Shown:
    """Return what `read` made of the request, with its photographs.

    Raises:
        FailedPrecondition: some are no longer there, have changed, or cannot be decoded.
    """
    try:
        files = await asyncio.to_thread(shown.index.read, [one.photograph for one in shown.exemplars])
    except ExemplarError as error:
        reader.at("index").unmet(Reason.PHOTOGRAPH, str(error))
        files = []
    decoded = []
    for one, data in zip(shown.exemplars, files, strict=False):
        try:
            decoded.append(await pools.decoder.decode(data, shown.network.input_size))
        except ValueError as error:
            reader.at("index").unmet(Reason.PHOTOGRAPH, f"{shown.index.images.place(one.photograph)}: {error}")
    reader.raise_any()
    seen = await pools.encode(_encoded, decoded)
    field = await fields.of(shown.network, shown.tap.name)
    whole = Box(0, 0, *shown.network.input_size)
    boxes = [whole if field is None or one.position is None else field.box(one.position) for one in shown.exemplars]
    spec = shown.projection
    if spec is not None:
        spec = replace(spec, pictures=decoded, positions=[one.position for one in shown.exemplars])
    return replace(shown, seen=seen, boxes=boxes, projection=spec)


@dataclass(frozen=True, eq=False)
class Writer:
    """Makes the messages of one call out of those of its projections."""

    shown: Shown
    projections: project.Writer

    def message(self, event: News | None) -> ExemplarsResponse | None:
        """One event's message, a heartbeat of None."""
        inner = self.projections.message(event)
        if inner is None:
            return None
        match inner.WhichOneof("event"):
            case "result":
                return ExemplarsResponse(result=self.shown.message(inner.result.picture, inner.result))
            case "queued":
                return ExemplarsResponse(queued=inner.queued)
            case "started":
                return ExemplarsResponse(started=inner.started)
            case "progress":
                return ExemplarsResponse(progress=inner.progress)
        return ExemplarsResponse(heartbeat=inner.heartbeat)


def _encoded(decoded: Sequence[np.ndarray]) -> list[bytes]:
    return [pictures.encode_png(picture) for picture in decoded]


def _index(reader: Reader, request: ExemplarsRequest, place: places.Found) -> ExemplarIndex | None:
    name, tap = place.network.name, place.tap.name
    indices = reader.catalog.indices
    there = indices.of.get(name, ())
    if not there:
        others = indices.unusable.get(name, ())
        why = "; ".join(others) if others else f"make one with `dgnam-models index {name}` and start `dgnam-server --indices FOLDER`"
        reader.at("place").unmet(Reason.NO_INDEX, f"this server has no index of photographs for {name}: {why}")
        return None
    if request.HasField("index"):
        found = next((index for index in there if index.name == request.index), None)
        if found is None:
            names = [index.name for index in there]
            why = f"there is no index {quoted(request.index)} of {name}; {reader.suggestion(request.index[:_LONGEST_NAME], names)}"
            reader.at("index").missing("index", request.index, why)
            return None
    else:
        found = indices.with_tap(name, tap) or there[0]
    if not found.has(tap):
        having = listed([one.name for one in found.header.taps], 24)
        reader.at("place").at("tap").unmet(Reason.NO_INDEX, f"the index {found.name} has no units of {name}:{tap}; it has {having}")
        return None
    return found


def _count(reader: Reader, request: ExemplarsRequest, index: ExemplarIndex | None) -> int:
    most = reader.limits.max_variants if index is None else min(index.header.strongest, reader.limits.max_variants)
    if not request.HasField("count"):
        return min(COUNT, most)
    if not 1 <= request.count <= most:
        why = "" if index is None else f"; the index {index.name} keeps {index.header.strongest} photographs of each unit"
        reader.at("count").invalid(f"{request.count} is not between 1 and {most}{why}")
    return request.count
