"""ProjectRequest -> what to project, and projections -> messages of the stream."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from dgnam_models import Network
from dgnam_models.card import Tap
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2
from dgnam_proto.v1.analysis_pb2 import AnalysisProgress, AnalysisRecipe, PictureProgress, ProjectRequest, ProjectResponse
from dgnam_proto.v1.synthesis_pb2 import Heartbeat, Queued, Started
from dgnam_proto.v1.target_pb2 import Position

from dgnam_server.analysis import PROJECTIONS, Attribution, colours
from dgnam_server.analysis.projection import Wanted
from dgnam_server.engine import events
from dgnam_server.engine.builder import ProjectionSpec
from dgnam_server.engine.kinds.projection import ProjectionResult
from dgnam_server.rpc import lookup, options, payload, pictures, places, queueing
from dgnam_server.rpc.errors import Reason
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import News
from dgnam_server.rpc.receptive_fields import ReceptiveFields
from dgnam_server.rpc.recipe import Provenance, strict, strictness
from dgnam_server.rpc.wording import listed, nearest, quoted

MOST_KEPT = 1024


def read(reader: Reader, request: ProjectRequest) -> ProjectionSpec:
    """Return the request checked; `pictured` adds the pictures, which are decoded last, when nothing else is wrong.

    Raises:
        InvalidRequest, NotFound, FailedPrecondition: every violation at once.
    """
    queueing.check(reader, request)
    pictures.check_all(reader, request.images)
    spec = fields(reader, request)
    reader.raise_any()
    assert spec is not None
    return spec


def fields(reader: Reader, request: ProjectRequest) -> ProjectionSpec | None:
    """All of a request but its images; None where something is not right."""
    place = places.read(reader.at("place"), request.place)
    method = _method(reader.at("method"), request, place)
    settings: Mapping[str, float] = {}
    if method is not None:
        settings = options.of_projection(reader.at("options"), dict(request.options), method)
    layer = None
    top = request.top if request.HasField("top") else 1
    if place is not None:
        refuse_without_gradients(reader.at("place").at("model"), place.network)
        top = _top(reader.at("top"), request, place)
        if method is not None:
            layer = _layer(reader.at("layer"), request, place, method)
        payload.check(reader.at("images"), payload.array_bytes(3, *place.network.input_size) * 3, "choose a network of smaller pictures")
    determinism = strict(reader.at("determinism"), request.determinism)
    if place is None or method is None:
        return None
    wanted = Wanted(place.index, place.position, top)
    return ProjectionSpec((), place.network.name, place.tap.name, layer, wanted, method.name, settings, determinism)


async def pictured(
    reader: Reader, request: ProjectRequest, spec: ProjectionSpec, decode: pictures.Decode, fields: ReceptiveFields
) -> ProjectionSpec:
    """Return what `read` made of the request, with its pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
        FailedPrecondition: some have fewer pixels than a unit of the tap sees.
    """
    network = reader.catalog.networks[spec.model]
    sizes = [pictures.own_size(data, network.input_size) for data in request.images]
    if not request.enlarge and any(size[0] < network.input_size[0] for size in sizes):
        field = await fields.largest(network, spec.tap)
        for index, (height, width) in enumerate(sizes):
            if height < field[0] or width < field[1]:
                seen = f"a unit of {network.name}:{spec.tap} sees {field[0]} x {field[1]}"
                advice = "send a larger one, name an earlier tap, or ask for it to be enlarged"
                reader.at("images", index).unmet(Reason.PICTURE_SIZE, f"{height} x {width} pixels are there to see, and {seen}: {advice}")
    return replace(spec, pictures=await pictures.read_all(reader, decode, request.images, network.input_size))


@dataclass(frozen=True, eq=False)
class Writer:
    """Makes the messages of one call."""

    request: ProjectRequest
    spec: ProjectionSpec
    network: Network
    provenance: Provenance

    def message(self, event: News | None) -> ProjectResponse | None:
        """One event's message, a heartbeat of None; pictures are encoded here."""
        match event:
            case None:
                return ProjectResponse(heartbeat=Heartbeat())
            case events.Queued():
                return ProjectResponse(queued=Queued(position=event.position))
            case events.Started():
                return ProjectResponse(started=Started())
            case events.Finished():
                return ProjectResponse(result=self._result(event.row, event.value))
        moved = [PictureProgress(picture=one.row, step=one.step, total_steps=one.total_steps) for one in event]
        return ProjectResponse(progress=AnalysisProgress(pictures=moved))

    def _result(self, row: int, found: ProjectionResult) -> analysis_pb2.Projection:
        method, kept = PROJECTIONS[self.spec.method], found.kept
        labels = lookup.labels_of(self.network.card, lookup.known_tap(self.network.card, self.spec.tap))
        return analysis_pb2.Projection(
            picture=row,
            unit=kept.index,
            label=labels[kept.index] if labels else "",
            positions=[Position(y=y, x=x) for y, x in kept.positions],
            activations=kept.activations,
            values=arrays.to_message(np.ascontiguousarray(found.values)),
            png=pictures.encode_png(colours.drawn(method.drawn, found.values, found.image)),
            seen=pictures.encode_png(found.image),
            recipe=self._recipe(row, found),
        )

    def _recipe(self, row: int, found: ProjectionResult) -> AnalysisRecipe:
        spec, position = self.spec, self.spec.of_picture(row).position
        place = places.message(spec.model, spec.tap, found.kept.index, position)
        completed = ProjectRequest(
            images=[self.request.images[row]],
            place=place,
            method=spec.method,
            options=spec.settings,
            layer=spec.layer,
            enlarge=self.request.enlarge,
            determinism=strictness(spec.strict),
        )
        if found.kept.positions and position is None:
            completed.top = spec.wanted.top
        return self.provenance.analysis(self.network.card, completed)


def refuse_without_gradients(reader: Reader, network: Network) -> None:
    """A network that gives no gradients has nothing to send a signal down with; the reader stands at its name."""
    if why := network.card.forward_only:
        reader.unmet(Reason.NOT_DIFFERENTIABLE, f"nothing can be projected through {network.name}, which gives no usable gradients: {why}")


def _method(reader: Reader, request: ProjectRequest, place: places.Found | None) -> Attribution | None:
    if not request.HasField("method"):
        return None if place is None else PROJECTIONS.get(reader.catalog.projection_for(place.network.name))
    name = request.method
    if name not in PROJECTIONS:
        reader.missing("method", name, f"there is no method {quoted(name)} of projection; {nearest(name, list(PROJECTIONS))}")
    return PROJECTIONS.get(name)


def _top(reader: Reader, request: ProjectRequest, place: places.Found) -> int:
    if not request.HasField("top"):
        return 1
    if len(place.tap.shape) != 3:
        reader.invalid(f"{place.tap.name} has no maps, and each unit one activation: leave it out")
    elif place.position is not None:
        reader.invalid("the place has a position, which is one activation: leave one of the two out")
    else:
        reader.within(request.top, 1, min(MOST_KEPT, place.tap.shape[1] * place.tap.shape[2]), "an integer")
    return request.top


def _layer(reader: Reader, request: ProjectRequest, place: places.Found, method: Attribution) -> str | None:
    """The tap whose maps are weighed, where the method has such a one."""
    if not method.at_layer:
        if request.HasField("layer"):
            having = [other.name for other in PROJECTIONS.values() if other.at_layer]
            reader.invalid(f"{method.name} goes down to the pixels; {listed(having)} stops at a layer")
        return None
    before = [tap.name for tap in maps_before(place.network, place.tap)]
    if not request.HasField("layer"):
        if not before:
            reader.invalid(f"no tap with maps comes before {place.network.name}:{place.tap.name}: choose a later unit")
        return before[-1] if before else None
    if request.layer not in before:
        there = f"there are {listed(before, 24)}" if before else "there is none"
        reader.invalid(f"{quoted(request.layer)} is no tap with maps before {place.tap.name}; {there}")
    return request.layer


def maps_before(network: Network, tap: Tap) -> list[Tap]:
    """The taps with maps that come before one, in the order they are computed."""
    names = [known.name for known in network.card.taps]
    return [known for known in network.card.taps[: names.index(tap.name)] if len(known.shape) == 3]
