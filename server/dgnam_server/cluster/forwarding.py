"""Forwarding: calls pass to a replica and its answers back, as bytes, with metadata, deadline, cancelling, status and details.

Rules: a call that may be repeated goes to another replica where the first is not available and nothing of an answer was passed on yet.
Calls of searches go to the replica that has their store; once that is gone, another one of its machine, which finds the same folder,
opens it. Who calls is told to the replica in CLIENT_KEY, so that clients share it as they would share one server. Nothing is read ahead:
a client that does not read is the replica's to notice.
"""

import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from dgnam_proto.v1 import server_pb2
from google.protobuf.message import Message
from grpc import aio

from dgnam_server.cluster import routing
from dgnam_server.cluster.routing import Replica
from dgnam_server.observability import request_id
from dgnam_server.rpc import errors, identity
from dgnam_server.rpc.payload import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

CLIENT_KEY = "dgnam-client"
REPEATABLE = ("SynthesisService", "AnalysisService", "CatalogService", "ServerService")  # they change nothing that stays
PINNED = ("SearchService",)  # whose store one server may have at a time, first of all the first
_OURS = ("authorization", "user-agent", "content-type", "te", CLIENT_KEY, request_id.KEY)
_SUSPECT_S = 5.0  # a replica that was not available is tried last for so long
_RETRY_S = 2.0
_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 20_000),  # a machine that is cut off answers no ping
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True)
class Method:
    """`service` is the short name, `path` is what gRPC calls it."""

    service: str
    path: str
    streaming: bool


@dataclass(eq=False)
class Forwarder:
    """Its coroutines run on one event loop. `replicas` gives those that are ready now; `token` is what they ask for."""

    replicas: Callable[[], Sequence[Replica]]
    token: str
    client_header: str | None = None
    _searching: Replica | None = None  # the one that has the store of searches
    _channels: dict[str, aio.Channel] = field(default_factory=dict)
    _rows: Counter[str] = field(default_factory=Counter)
    _suspects: dict[str, float] = field(default_factory=dict)

    async def answer(self, method: Method, message: Message, context: Any) -> bytes | None:
        """Have a replica answer the call. A stream is written to the context, another answer returned.

        Raises:
            ShuttingDown: there is no replica, or it was lost.
        """
        async with aclosing(self._answers(method, message, context)) as answers:
            try:
                if method.streaming:
                    async for part in answers:
                        await context.write(part)
                    return None
                return b"".join([part async for part in answers])
            except aio.AioRpcError as error:
                raise_lost(error)
                await context.abort(error.code(), error.details() or "", _pairs(error))
        raise AssertionError("abort raises")

    async def load(self, context: Any) -> server_pb2.GetLoadResponse:
        """What all replicas together have to do."""
        method = Method("ServerService", "/dgnam.v1.ServerService/GetLoad", False)
        total = server_pb2.GetLoadResponse()
        for replica in self.replicas():
            try:
                async with aclosing(self._called(replica, method, b"", context)) as parts:
                    merge(total, server_pb2.GetLoadResponse.FromString(b"".join([part async for part in parts])))
            except aio.AioRpcError as error:
                self._suspect(replica, error)
        return total

    async def close(self) -> None:
        """Calls under way end."""
        for channel in self._channels.values():
            await channel.close(None)

    async def _answers(self, method: Method, message: Message, context: Any) -> AsyncGenerator[bytes, None]:
        """A replica's answers, of the first that is available."""
        lane, data = routing.lane(message), message.SerializeToString()
        left, passed = self._candidates(method, lane), False
        if not left:
            raise errors.ShuttingDown("no server is ready for this call", retry_after_s=_RETRY_S)
        while True:
            replica = left.pop(0)
            try:
                with self._counted(replica, routing.rows(message) if lane else 0):
                    async with aclosing(self._called(replica, method, data, context)) as parts:
                        async for part in parts:
                            passed = True
                            yield part
                self._hold(method, replica)
                return
            except aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    self._hold(method, replica)
                    raise
                elsewhere = method.service in PINNED and _told(error)  # it says so before it does anything
                if not elsewhere:
                    self._suspect(replica, error)
                if passed or not left or not (elsewhere or method.service in REPEATABLE):
                    raise

    async def _called(self, replica: Replica, method: Method, data: bytes, context: Any) -> AsyncGenerator[bytes, None]:
        kept = [(key, value) for key, value in context.invocation_metadata() or () if key not in _OURS and not key.startswith("grpc-")]
        named = [
            ("authorization", f"Bearer {self.token}"),
            (CLIENT_KEY, identity.of_call(context, self.client_header)),
            *request_id.trailers(),
        ]
        make = self._channel(replica.address).unary_stream(method.path, None, None)  # on the wire one answer is a stream of one
        call = make(data, metadata=(*kept, *named), timeout=context.time_remaining())
        try:
            async for part in call:
                yield part
        finally:
            call.cancel()

    def _candidates(self, method: Method, lane: str) -> list[Replica]:
        replicas = self.replicas()
        best = self._searchers(replicas) if method.service in PINNED else routing.ordered(lane, replicas, self._rows)
        now = time.monotonic()
        return sorted(best, key=lambda replica: self._suspects.get(replica.address, 0) > now)

    def _searchers(self, replicas: Sequence[Replica]) -> list[Replica]:
        """Those that can have the store of searches: the one that has it, then others of its machine."""
        first = next((replica for replica in replicas if replica.name == "0"), None)
        for one in filter(None, (self._searching, first)):
            if there := [replica for replica in replicas if _machine(replica) == _machine(one)]:
                return sorted(there, key=lambda replica: replica.name != one.name)
        return []

    def _hold(self, method: Method, replica: Replica) -> None:
        if method.service in PINNED:
            self._searching = replica

    def _suspect(self, replica: Replica, error: aio.AioRpcError) -> None:
        log.warning("replica %s at %s is not available: %s", replica.name, replica.address, error.details())
        self._suspects[replica.address] = time.monotonic() + _SUSPECT_S

    def _channel(self, address: str) -> aio.Channel:
        if address not in self._channels:
            self._channels[address] = aio.insecure_channel(address, options=_OPTIONS)
        return self._channels[address]

    @contextmanager
    def _counted(self, replica: Replica, rows: int) -> Any:
        self._rows[replica.name] += rows
        try:
            yield
        finally:
            self._rows[replica.name] -= rows


def raise_lost(error: aio.AioRpcError) -> None:
    """Turn what gRPC itself says of a lost connection into what callers are told; a replica's own words stay.

    Raises:
        ShuttingDown: the replica was lost.
    """
    if error.code() is grpc.StatusCode.UNAVAILABLE and not _told(error):
        raise errors.ShuttingDown("the server that worked on this call was lost", retry_after_s=_RETRY_S) from None


def _told(error: aio.AioRpcError) -> bool:
    """Whether a replica says this, and not gRPC."""
    return errors.DETAILS_KEY in dict(_pairs(error))


def _machine(replica: Replica) -> str:
    return replica.address.rpartition(":")[0]


def _pairs(error: aio.AioRpcError) -> tuple[tuple[str, Any], ...]:
    """The metadata that came with the status."""
    metadata: Any = error.trailing_metadata()
    return tuple((key, value) for key, value in metadata or ())


def merge(total: server_pb2.GetLoadResponse, one: server_pb2.GetLoadResponse) -> None:
    """Add one replica's load."""
    for name in ("queued_jobs", "running_jobs", "finished_jobs", "failed_jobs", "cancelled_jobs", "memory_bytes"):
        setattr(total, name, getattr(total, name) + getattr(one, name))
    lanes = {lane.key: lane for lane in total.lanes}
    for lane in one.lanes:
        known = lanes.get(lane.key) or total.lanes.add(key=lane.key)
        known.running_rows += lane.running_rows
        known.waiting_rows += lane.waiting_rows
    total.own.client = one.own.client
    for name in ("queued_jobs", "running_jobs", "memory_bytes"):
        setattr(total.own, name, getattr(total.own, name) + getattr(one.own, name))
    total.own.clients_ahead = max(total.own.clients_ahead, one.own.clients_ahead)
