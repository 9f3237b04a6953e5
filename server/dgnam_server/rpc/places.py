"""Place messages -> networks, taps and units; and back."""

from dataclasses import dataclass

from dgnam_models import Network
from dgnam_models.card import Tap
from dgnam_proto.v1 import analysis_pb2
from dgnam_proto.v1.target_pb2 import Position

from dgnam_server.rpc import lookup
from dgnam_server.rpc.fields import Reader


@dataclass(frozen=True, eq=False)
class Found:
    """A place: a tap of a network, with `index` one unit of it, with `position` (y, x) one place of a convolutional tap's map."""

    network: Network
    tap: Tap
    index: int | None
    position: tuple[int, int] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what one picture gives it."""
        shape = self.tap.shape if self.position is None else self.tap.shape[:1]
        return shape if self.index is None else shape[1:]


def read(reader: Reader, message: analysis_pb2.Place) -> Found | None:
    """A place; None where it is not right."""
    network = lookup.network(reader.at("model"), message.model)
    if network is None:
        return None
    tap = lookup.tap(reader.at("tap"), network.card, message.tap if message.HasField("tap") else network.card.output_tap)
    if tap is None:
        return None
    index = None
    match message.WhichOneof("unit"):
        case "index":
            index = lookup.unit_by_index(reader.at("index"), network.card, tap, message.index, message.bare)
        case "label":
            index = lookup.unit_by_label(reader.at("label"), network.card, tap, message.label)
    position = lookup.position(reader.at("position"), tap, message.position) if message.HasField("position") else None
    return Found(network, tap, index, position)


def message(model: str, tap: str, index: int, position: tuple[int, int] | None = None) -> analysis_pb2.Place:
    """The message of a unit."""
    at = None if position is None else Position(y=position[0], x=position[1])
    return analysis_pb2.Place(model=model, tap=tap, index=index, position=at)
