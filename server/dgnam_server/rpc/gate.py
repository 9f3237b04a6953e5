"""Gate: every call passes through. Who has no token is refused before the message is read; the rest go through the door of their kind; what
a servicer raises becomes a status with details, and nothing internal leaves the process.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc import aio

from dgnam_server.observability import request_id
from dgnam_server.rpc import errors, identity, parsing
from dgnam_server.rpc.door import Door, Width
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import Settings

log = logging.getLogger(__name__)

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
Behaviour = Callable[[Any, Any], Any]
_HEALTH, _WATCH, _REFLECTION = "/grpc.health.", "/grpc.health.v1.Health/Watch", "/grpc.reflection."
_QUESTIONS = ("/dgnam.v1.CatalogService/", "/dgnam.v1.ServerService/")
_WORK = ""
_NAME_BYTES = 2**10  # of a message that holds one name
_SMALL_BYTES = 64 * 2**10  # of a message that holds names and numbers


class Gate(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the stubs
    """Every handler behind it is served as one of a stream of bytes: of others gRPC reads and parses the message before it asks anybody."""

    def __init__(self, settings: Settings, pools: Pools) -> None:
        self._expected = [f"Bearer {token}".encode() for token in settings.tokens]
        self._pools = pools
        calls, of_one = settings.max_calls, settings.max_client_calls
        # By the beginning of the methods' names; the first that fits. Health has doors of its own, because strangers may ask it.
        self._doors: Mapping[str, Door] = {
            _WATCH: Door(Width(64, _NAME_BYTES, 64)),
            _HEALTH: Door(Width(64, _NAME_BYTES, 64)),
            _REFLECTION: Door(Width(16, _SMALL_BYTES, 16)),
            **{name: Door(Width(calls, _SMALL_BYTES, of_one)) for name in _QUESTIONS},
            _WORK: Door(Width(calls, settings.max_request_bytes, of_one)),
        }
        self._refused = Door(Width(calls, 0, of_one))  # of which no message is read

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call."""
        method = _method(details)
        if self._expected and not method.startswith(_HEALTH) and not self._allowed(details):
            return grpc.stream_stream_rpc_method_handler(self._let_in(method, _refuse, self._refused))
        handler = await continuation(details)
        if handler is None:
            return grpc.stream_stream_rpc_method_handler(self._let_in("an unknown call", _unknown, self._refused))
        door = next(door for start, door in self._doors.items() if method.startswith(start))
        served = self._served(method, handler, door)
        make = grpc.stream_stream_rpc_method_handler if handler.response_streaming else grpc.stream_unary_rpc_method_handler
        return make(served, None, handler.response_serializer)

    def _allowed(self, details: grpc.HandlerCallDetails) -> bool:
        """Whether a call brings a token of this server; the call then counts for whoever has that token."""
        sent: str | bytes = dict(details.invocation_metadata or ()).get("authorization", "")
        token = sent.encode() if isinstance(sent, str) else sent
        known = [hmac.compare_digest(token, one) for one in self._expected]  # all of them: time tells nobody which
        if any(known):
            identity.TOKEN.set(token)
        return any(known)

    def _served(self, method: str, handler: Any, door: Door) -> Behaviour:
        """What serves a call of this method.

        Servicers are coroutines: a stream is written with `context.write`, so that a cancelled call ends inside the servicer, at once. Only
        reflection, which is gRPC's own, takes a stream and yields one.
        """
        kind = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", ".")).input_type

        async def parse(data: bytes) -> Message:
            try:
                return await self._pools.check(parsing.parse, kind, handler.request_deserializer, data)
            except ValueError as error:
                raise errors.InvalidRequest([errors.Violation("", str(error))]) from None

        async def messages(context: Any) -> AsyncIterator[Message]:
            while (message := await door.message(context, parse)) is not None:
                yield message

        async def answer(context: Any) -> Any:
            if handler.stream_stream:
                async for response in handler.stream_stream(messages(context), context):
                    await context.write(response)
                return None
            message = await door.message(context, parse)
            if message is None:
                raise errors.InvalidRequest([errors.Violation("", "the call brings no message, or one that is too large")])
            behaviour = handler.unary_stream or handler.unary_unary
            return await behaviour(message, context)

        return self._let_in(method, answer, door)

    def _let_in(self, method: str, answer: Callable[[Any], Awaitable[Any]], door: Door) -> Behaviour:
        """What lets a call of this method through the door, once its client's allowance has it, and has it answered."""
        probe = method.startswith(_HEALTH)
        waited_for = not probe and door is not self._refused

        async def served(_: Any, context: Any) -> Any:
            client = identity.current()
            account = f"probes of {client}" if probe else client
            identity.ACCOUNT.set(account)
            try:
                with door.entered(client):
                    async with self._pools.allowances.call(account, waited_for=waited_for):
                        return await answer(context)
            except aio.InternalError:  # a message could not be sent: its caller was gone before gRPC said so
                raise asyncio.CancelledError from None
            except aio.BaseError:  # gRPC's own: the call is over already
                raise
            except NotImplementedError:  # also of gRPC's own services: a call newer than its servicer
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server does not have this call")
            except Exception as exception:
                error = errors.explain(exception)
                if isinstance(error, errors.InvalidRequest):
                    log.info("%s from %s: %s", method, context.peer(), error.message)
                await _abort(context, error)

        return served


async def _refuse(context: Any) -> None:
    raise errors.Unauthenticated("this server asks for a token: send the metadata `authorization: Bearer TOKEN`")


async def _unknown(context: Any) -> None:
    raise NotImplementedError


async def _abort(context: Any, error: errors.ServerError) -> None:
    try:
        await context.abort(error.code, error.message, (*error.trailers(), *request_id.trailers()))
    except aio.InternalError:  # its caller was gone before gRPC said so
        raise asyncio.CancelledError from None


def _method(details: grpc.HandlerCallDetails) -> str:
    method: str | bytes = details.method
    return method.decode() if isinstance(method, bytes) else method
