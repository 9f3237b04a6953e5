"""OccludeRequest -> what to cover and to watch, and what is read -> messages of the stream."""

import math
from dataclasses import dataclass, field, replace

from dgnam_models import Network
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2
from dgnam_proto.v1.analysis_pb2 import AnalysisRecipe, OccludeRequest, OccludeResponse
from dgnam_proto.v1.synthesis_pb2 import Heartbeat, Queued, Started

from dgnam_server.analysis import colours
from dgnam_server.analysis.occlusion import CELLS, SQUARES, OcclusionMaps, Square
from dgnam_server.engine import events
from dgnam_server.engine.builder import OcclusionSpec
from dgnam_server.engine.kinds.occlusion import Occlusion, Reading
from dgnam_server.rpc import colour, pictures, places, queueing
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.gathering import Gathering
from dgnam_server.rpc.mailbox import News
from dgnam_server.rpc.recipe import Provenance, strict, strictness


def read(reader: Reader, request: OccludeRequest) -> OcclusionSpec:
    """Return the request checked; `pictured` adds the pictures, which are decoded last, when nothing else is wrong.

    Raises:
        InvalidRequest, NotFound: every violation at once.
    """
    queueing.check(reader, request)
    images = pictures.check_all(reader, request.images)
    spec = fields(reader, request, len(images))
    reader.raise_any()
    assert spec is not None
    return spec


def fields(reader: Reader, request: OccludeRequest, images: int) -> OcclusionSpec | None:
    """All of a request for so many images but these; None where something is not right."""
    found = _places(reader.at("places"), reader, request)
    network = found[0].network if found else None
    square = None if network is None else _square(reader, request, network)
    if network is not None and square is not None:
        positions = math.prod(square.grid(network.input_size)) * images
        if positions > reader.limits.max_positions:
            reader.at("stride").invalid(
                f"{positions} places of the square, over all pictures, are more than {reader.limits.max_positions}: "
                "let it take longer strides, or send fewer pictures"
            )
    determinism = strict(reader.at("determinism"), request.determinism)
    if network is None or square is None:
        return None
    output = network.card.output_tap
    watched = next((place for place in found if place.tap.name != output), None)
    class_ = next((place.index for place in found if place.tap.name == output), None)
    tap = watched.tap.name if watched else _last_maps(network)
    return OcclusionSpec((), network.name, tap, watched.index if watched else None, class_, square, determinism)


async def pictured(reader: Reader, request: OccludeRequest, spec: OcclusionSpec, decode: pictures.Decode) -> OcclusionSpec:
    """Return what `read` made of the request, with its pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
    """
    size = reader.catalog.networks[spec.model].input_size
    return replace(spec, pictures=await pictures.read_all(reader, decode, request.images, size))


@dataclass(eq=False)
class Writer:
    """Makes the messages of one call, which are fewer than its rows: a picture is finished when the last of its rows is."""

    request: OccludeRequest
    spec: OcclusionSpec
    work: Occlusion
    provenance: Provenance
    _gathering: Gathering[Reading] = field(init=False)

    def __post_init__(self) -> None:
        self._gathering = Gathering(len(self.work.boxes))

    def message(self, event: News | None) -> OccludeResponse | None:
        """One event's message, a heartbeat of None; pictures are encoded here. None where there is nothing to say yet."""
        match event:
            case None:
                return OccludeResponse(heartbeat=Heartbeat())
            case events.Queued():
                return OccludeResponse(queued=Queued(position=event.position))
            case events.Started():
                return OccludeResponse(started=Started())
            case events.Finished():
                return self._finished(*self.work.place(event.row), event.value)
        return None

    def _finished(self, picture: int, place: int, reading: Reading) -> OccludeResponse | None:
        if (readings := self._gathering.add(picture, place, reading)) is not None:
            return OccludeResponse(result=self._result(picture, self.work.maps(picture, readings)))
        progress = self._gathering.progress()
        return None if progress is None else OccludeResponse(progress=progress)

    def _result(self, picture: int, maps: OcclusionMaps) -> analysis_pb2.Occlusion:
        labels, cell = self.work.network.card.labels, self.work.square.stride
        named = sorted({maps.label, *map(int, maps.labels.flatten())})
        return analysis_pb2.Occlusion(
            picture=picture,
            unit=maps.unit,
            class_index=maps.class_,
            class_label=labels[maps.class_] if labels else "",
            activation=maps.activation,
            probability=maps.probability,
            top_class=maps.label,
            activation_map=arrays.to_message(maps.activations),
            probability_map=arrays.to_message(maps.probabilities),
            top_classes=maps.labels.flatten().tolist(),
            labels={index: labels[index] for index in named} if labels else {},
            activation_png=pictures.encode_png(colours.over(colours.scaled(maps.activations), maps.image, cell)),
            probability_png=pictures.encode_png(colours.over(colours.scaled(maps.probabilities), maps.image, cell)),
            classes_png=pictures.encode_png(colours.classes(maps.labels, maps.image, cell)),
            seen=pictures.encode_png(maps.image),
            recipe=self._recipe(picture, maps),
        )

    def _recipe(self, picture: int, maps: OcclusionMaps) -> AnalysisRecipe:
        spec, card = self.spec, self.work.network.card
        units = [(spec.tap, maps.unit)] if spec.tap != card.output_tap else []
        completed = OccludeRequest(
            images=[self.request.images[picture]],
            places=[places.message(spec.model, tap, index) for tap, index in (*units, (card.output_tap, maps.class_))],
            size=spec.square.size,
            stride=spec.square.stride,
            colour=spec.square.colour,
            determinism=strictness(spec.strict),
        )
        return self.provenance.analysis(card, completed)


def _places(reader: Reader, root: Reader, request: OccludeRequest) -> list[places.Found]:
    """What is watched, as far as it is right."""
    if not 1 <= len(request.places) <= 2:
        reader.invalid(f"{len(request.places)} are not 1 or 2: a feature map, a class, or both")
    found = []
    for index, message in enumerate(request.places[:2]):
        at_place = root.at("places", index)
        place = places.read(at_place, message)
        if place is None:
            continue
        found.append(place)
        if place.position is not None:
            at_place.at("position").invalid("the whole map is watched: leave it out")
        shape = {tap.name: tap.shape for tap in place.network.card.taps}[place.network.card.output_tap]
        if len(shape) != 1:
            at_place.at("model").invalid(f"{place.network.name} has no classes: its output tap {place.network.card.output_tap} is a map")
    if len(found) == 2:
        first, second = found
        output = first.network.card.output_tap
        if first.network is not second.network:
            root.at("places", 1).at("model").invalid(f"{second.network.name} is not {first.network.name}: both must be of one network")
        elif (first.tap.name == output) == (second.tap.name == output):
            root.at("places", 1).at("tap").invalid(f"one of the two must be a unit of the output tap {output}, the other of another tap")
    return found


def _square(reader: Reader, request: OccludeRequest, network: Network) -> Square:
    longest = max(network.input_size)
    size = request.size if request.HasField("size") else max(1, round(longest / SQUARES))
    stride = request.stride if request.HasField("stride") else max(1, longest // CELLS)
    fits = [reader.at(name).within(value, 1, longest, "an integer") for name, value in (("size", size), ("stride", stride))]
    return Square(size, stride if all(fits) else longest, colour.read(reader.at("colour"), request.colour))


def _last_maps(network: Network) -> str:
    """The last tap with maps, or the output tap where there are none."""
    return [network.card.output_tap, *(tap.name for tap in network.card.taps if len(tap.shape) == 3)][-1]
