"""Access: outermost of what a call passes through. It gives the call its id, counts it, and writes its line of the log when it ends."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from grpc import aio

from dgnam_server.observability import request_id
from dgnam_server.observability.metrics import Metrics
from dgnam_server.rpc import identity

log = logging.getLogger(__name__)

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
_UNKNOWN = ("unknown", "unknown")
_PROBES = ("grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")  # orchestrators ask every few seconds
_EARLY_S = 0.1  # by which a caller's time may be up before ours: ours began when its request got here
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True)
class _Name:
    """A method that this server has; of others, whose names strangers choose, nothing is kept."""

    service: str
    method: str

    @classmethod
    def of(cls, path: str | bytes) -> "_Name":
        text = path.decode(errors="replace") if isinstance(path, bytes) else path
        service, _, method = text.strip("/").partition("/")
        try:
            descriptor_pool.Default().FindMethodByName(f"{service}.{method}")
        except KeyError:
            return cls(*_UNKNOWN)
        return cls(service, method)

    def __str__(self) -> str:
        return f"{self.service}/{self.method}"


class Access(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the stubs
    """The handlers behind it take and write streams of bytes, as the gate's do."""

    def __init__(self, metrics: Metrics, client_header: str | None = None) -> None:
        self._metrics, self._client_header = metrics, client_header

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call, watched."""
        name, identity_ = _Name.of(details.method), request_id.of_call(details.invocation_metadata)
        handler = await continuation(details)
        behaviour = handler.stream_stream or handler.stream_unary

        async def watched(requests: Any, context: Any) -> Any:
            with self._watched(name, identity_, context):
                context.set_trailing_metadata(request_id.trailers())
                return await behaviour(requests, context)

        make = grpc.stream_stream_rpc_method_handler if handler.response_streaming else grpc.stream_unary_rpc_method_handler
        return make(watched, None, handler.response_serializer)

    @contextmanager
    def _watched(self, name: _Name, identity_: str, context: Any) -> Iterator[None]:
        """For the length of a call, in a task of its own: what is set for it is not seen by others."""
        request_id.CURRENT.set(identity_)
        caller = identity.Caller.of(context, self._client_header)  # of one who is gone nobody could tell any more
        identity.CALLER.set(caller)
        self._metrics.call_began(name.service, name.method)
        started, code = time.monotonic(), grpc.StatusCode.UNKNOWN
        try:
            yield
            code = grpc.StatusCode.OK
        except asyncio.CancelledError:  # gRPC does so when the caller leaves, and when the call's time is up
            left_s = context.time_remaining()
            code = grpc.StatusCode.CANCELLED if left_s is None or left_s > _EARLY_S else grpc.StatusCode.DEADLINE_EXCEEDED
            raise
        except aio.BaseError:  # the answer is a status other than OK
            code = _status(context.code())
            raise
        finally:
            self._ended(name, code, caller.name, time.monotonic() - started)

    def _ended(self, name: _Name, code: grpc.StatusCode, client: str, seconds: float) -> None:
        self._metrics.call_ended(name.service, name.method, code.name, seconds)
        facts = {"grpc_service": name.service, "grpc_method": name.method, "grpc_code": code.name, "client": client, "seconds": seconds}
        level = logging.DEBUG if name.service in _PROBES and code is grpc.StatusCode.OK else logging.INFO
        log.log(level, "%s: %s to %s after %.3f s", name, code.name, client, seconds, extra=facts)


def _status(code: Any) -> grpc.StatusCode:
    return code if isinstance(code, grpc.StatusCode) else _CODES.get(code, grpc.StatusCode.UNKNOWN)
