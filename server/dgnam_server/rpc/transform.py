"""TransformRequest -> what to change and to measure, and what is read -> messages of the stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from dgnam_models import Network
from dgnam_proto import arrays
from dgnam_proto.v1 import analysis_pb2
from dgnam_proto.v1.analysis_pb2 import AnalysisRecipe, InvarianceCurve, TransformRequest, TransformResponse
from dgnam_proto.v1.synthesis_pb2 import Heartbeat, Queued, Started

from dgnam_server.analysis.invariance import Change, InvarianceCurves, Kind, defaults
from dgnam_server.engine import events
from dgnam_server.engine.builder import InvarianceSpec
from dgnam_server.engine.kinds.invariance import Invariance, Reading
from dgnam_server.rpc import colour, pictures, places, queueing
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.gathering import Gathering
from dgnam_server.rpc.mailbox import News
from dgnam_server.rpc.recipe import Provenance, strict, strictness

KINDS: tuple[Kind, ...] = get_args(Kind)
_NUMBERS: Mapping[Kind, Any] = {kind: analysis_pb2.Change.Value(f"CHANGE_{kind.upper()}") for kind in KINDS}
_TURN, _SMALLEST, _LARGEST = 360, 0.25, 4


def read(reader: Reader, request: TransformRequest) -> InvarianceSpec:
    """Return the request checked; `pictured` adds the pictures, which are decoded last, when nothing else is wrong.

    Raises:
        InvalidRequest, NotFound: every violation at once.
    """
    queueing.check(reader, request)
    images = pictures.check_all(reader, request.images)
    found = _places(reader, request)
    network = found[0].network if found else None
    changes = _changes(reader, request, network) if network else ()
    amounts = len(request.translations) + len(request.rotations) + len(request.scales)
    looks = (1 + (amounts or len(changes))) * len(images)
    if looks > (most := reader.limits.max_positions):
        reader.at("images").invalid(f"{looks} looks at all pictures together are more than {most}: ask for fewer changes, or send fewer")
    beyond = colour.read(reader.at("colour"), request.colour)
    determinism = strict(reader.at("determinism"), request.determinism)
    reader.raise_any()
    assert network is not None
    class_ = next((place.index for place in found if place.index is not None), None)
    return InvarianceSpec((), network.name, _taps(network, found, request), class_, changes, beyond, determinism)


async def pictured(reader: Reader, request: TransformRequest, spec: InvarianceSpec, decode: pictures.Decode) -> InvarianceSpec:
    """Return what `read` made of the request, with its pictures.

    Raises:
        InvalidRequest: some cannot be decoded.
    """
    size = reader.catalog.networks[spec.model].input_size
    return replace(spec, pictures=await pictures.read_all(reader, decode, request.images, size))


@dataclass(eq=False)
class Writer:
    """Makes the messages of one call, which are fewer than its rows: a picture is finished when the last of its rows is."""

    request: TransformRequest
    spec: InvarianceSpec
    work: Invariance
    provenance: Provenance
    _gathering: Gathering[Reading] = field(init=False)

    def __post_init__(self) -> None:
        self._gathering = Gathering(self.work.looks)

    def message(self, event: News | None) -> TransformResponse | None:
        """One event's message, a heartbeat of None; pictures are encoded here. None where there is nothing to say yet."""
        match event:
            case None:
                return TransformResponse(heartbeat=Heartbeat())
            case events.Queued():
                return TransformResponse(queued=Queued(position=event.position))
            case events.Started():
                return TransformResponse(started=Started())
            case events.Finished():
                return self._finished(*self.work.place(event.row), event.value)
        return None

    def _finished(self, picture: int, look: int, reading: Reading) -> TransformResponse | None:
        if (readings := self._gathering.add(picture, look, reading)) is not None:
            return TransformResponse(result=self._result(picture, self.work.curves(picture, readings)))
        progress = self._gathering.progress()
        return None if progress is None else TransformResponse(progress=progress)

    def _result(self, picture: int, found: InvarianceCurves) -> analysis_pb2.Invariance:
        labels = self.work.network.card.labels
        named = sorted({found.label, *map(int, found.labels)})
        return analysis_pb2.Invariance(
            picture=picture,
            class_index=found.class_,
            class_label=labels[found.class_] if labels else "",
            probability=found.probability,
            top_class=found.label,
            taps=self.spec.taps,
            lengths=found.lengths,
            curves=[curve for kind in KINDS if (curve := self._curve(kind, found)) is not None],
            labels={index: labels[index] for index in named} if labels else {},
            seen=pictures.encode_png(found.image),
            recipe=self._recipe(picture, found.class_),
        )

    def _curve(self, kind: Kind, found: InvarianceCurves) -> InvarianceCurve | None:
        at = [i for i, change in enumerate(self.spec.changes) if change.kind == kind]
        if not at:
            return None
        return InvarianceCurve(
            change=_NUMBERS[kind],
            amounts=[self.spec.changes[i].amount for i in at],
            distances=arrays.to_message(found.distances[:, at]),
            probabilities=found.probabilities[at].tolist(),
            top_classes=found.labels[at].tolist(),
        )

    def _recipe(self, picture: int, class_: int) -> AnalysisRecipe:
        spec, card = self.spec, self.work.network.card
        layers = [analysis_pb2.Place(model=spec.model, tap=tap) for tap in spec.taps]
        amounts = {kind: [change.amount for change in spec.changes if change.kind == kind] for kind in KINDS}
        completed = TransformRequest(
            images=[self.request.images[picture]],
            places=[*layers, places.message(spec.model, card.output_tap, class_)],
            translations=amounts["translation"],
            rotations=amounts["rotation"],
            scales=amounts["scale"],
            colour=spec.colour,
            determinism=strictness(spec.strict),
        )
        return self.provenance.analysis(card, completed)


def _places(reader: Reader, request: TransformRequest) -> list[places.Found]:
    """What is measured, as far as it is right: its first network's."""
    most = reader.limits.max_terms
    if not 1 <= len(request.places) <= most:
        reader.at("places").invalid(f"{len(request.places)} are not between 1 and {most}: layers, and at most one class")
    found: list[places.Found] = []
    for index, message in enumerate(request.places[:most]):
        at_place = reader.at("places", index)
        place = places.read(at_place, message)
        if place is None:
            continue
        output = place.network.card.output_tap
        if place.position is not None:
            at_place.at("position").invalid("whole layers are compared: leave it out")
        if len({tap.name: tap.shape for tap in place.network.card.taps}[output]) != 1:
            at_place.at("model").invalid(f"{place.network.name} has no classes: its output tap {output} is a map")
        if place.index is not None and place.tap.name != output:
            at_place.at(message.WhichOneof("unit") or "index").invalid(
                f"whole layers are compared: write {place.network.name}:{place.tap.name}"
            )
        if found and place.network is not found[0].network:
            at_place.at("model").invalid(f"{place.network.name} is not {found[0].network.name}: all must be of one network")
        if place.index is not None and any(other.index is not None for other in found):
            at_place.invalid("a class is there already: one is watched")
        found.append(place)
    return found


def _taps(network: Network, found: Sequence[places.Found], request: TransformRequest) -> tuple[str, ...]:
    """The layers that are named, else the first and the last before the output tap."""
    named = [
        place.tap.name for place, message in zip(found, request.places, strict=True) if place.index is None and message.HasField("tap")
    ]
    others = [tap.name for tap in network.card.taps if tap.name != network.card.output_tap] or [network.card.output_tap]
    return tuple(dict.fromkeys(named or (others[0], others[-1])))


def _changes(reader: Reader, request: TransformRequest, network: Network) -> tuple[Change, ...]:
    """The changes asked for, or the published ones."""
    height = network.input_size[0]
    asked: Sequence[tuple[Kind, str, Sequence[float], float, float]] = (
        ("translation", "translations", request.translations, -height, height),
        ("rotation", "rotations", request.rotations, -_TURN, _TURN),
        ("scale", "scales", request.scales, _SMALLEST, _LARGEST),
    )
    changes = []
    for kind, name, amounts, least, most in asked:
        for index, amount in enumerate(amounts):
            if not reader.at(name, index).within(amount, least, most):
                break
            changes.append(Change(kind, amount))
    return tuple(changes) if any(amounts for _, _, amounts, _, _ in asked) else defaults(height)
