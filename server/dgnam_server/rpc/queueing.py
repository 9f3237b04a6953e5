"""How a request wants to wait: `priority` and `queue_timeout_s` of every request for work."""

from collections.abc import Mapping
from dataclasses import dataclass

from dgnam_proto.v1 import synthesis_pb2
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, ExemplarsRequest, OccludeRequest, ProjectRequest, TransformRequest
from dgnam_proto.v1.search_pb2 import AskRequest, GetSearchRequest
from dgnam_proto.v1.synthesis_pb2 import DrawRequest

from dgnam_server.engine.scheduler import Priority
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.space import Request

Looking = ActivationsRequest | ProjectRequest | OccludeRequest | TransformRequest | ExemplarsRequest
Waiting = Request | DrawRequest | Looking | AskRequest | GetSearchRequest
PRIORITIES: Mapping[int, Priority] = {
    synthesis_pb2.PRIORITY_INTERACTIVE: Priority.INTERACTIVE,
    synthesis_pb2.PRIORITY_BATCH: Priority.BATCH,
}
_LONGEST_S = 7 * 24 * 3600.0
_SHORTEST_S = 0.001


@dataclass(frozen=True)
class Queueing:
    """`timeout_s`: seconds at most before its first row starts, where the request says."""

    priority: Priority = Priority.INTERACTIVE
    timeout_s: float | None = None


def check(reader: Reader, request: Waiting) -> None:
    """Tell the reader what is wrong with the fields."""
    reader.at("priority").choice(request.priority, PRIORITIES, synthesis_pb2.Priority)
    if request.HasField("queue_timeout_s"):
        reader.at("queue_timeout_s").within(request.queue_timeout_s, _SHORTEST_S, _LONGEST_S)


def read(request: Waiting) -> Queueing:
    """What a checked request says."""
    timeout_s = request.queue_timeout_s if request.HasField("queue_timeout_s") else None
    return Queueing(PRIORITIES.get(request.priority, Priority.INTERACTIVE), timeout_s)
