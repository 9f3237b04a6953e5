"""Interceptors: every call of ours passes through; one asks for the token, one turns exceptions into statuses."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

from dgnam_server.rpc import errors

Handler = Callable[[Any, Any], Awaitable[Any]]
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
_OURS = "/dgnam."
_HEALTH = "/grpc.health."


class ErrorInterceptor(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the stubs
    """Turns whatever a servicer raises into a status with details; nothing internal leaves the process.

    Servicers are coroutines: a stream is written with `context.write`, so that a cancelled call ends inside the servicer, at once.
    """

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        if handler is None or not _method(details).startswith(_OURS):
            return handler
        make = grpc.unary_stream_rpc_method_handler if handler.response_streaming else grpc.unary_unary_rpc_method_handler
        behaviour = handler.unary_stream if handler.response_streaming else handler.unary_unary
        return make(_explained(behaviour), handler.request_deserializer, handler.response_serializer)


class TokenInterceptor(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the stubs
    """Lets only calls with `authorization: Bearer TOKEN` pass; health checks need none, so that an orchestrator can make them."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Any:
        if _method(details).startswith(_HEALTH) or self._allowed(details):
            return await continuation(details)
        handler = await continuation(details)
        return handler and _refused(handler)

    def _allowed(self, details: grpc.HandlerCallDetails) -> bool:
        sent: str | bytes = dict(details.invocation_metadata or ()).get("authorization", "")
        return hmac.compare_digest(sent.encode() if isinstance(sent, str) else sent, self._expected)


def _explained(behaviour: Handler) -> Handler:
    async def explained(request: Any, context: Any) -> Any:
        try:
            return await behaviour(request, context)
        except aio.BaseError:  # gRPC's own: the call is over already
            raise
        except Exception as exception:
            await _abort(context, errors.explain(exception))

    return explained


def _refused(handler: Any) -> Any:
    async def refuse(_: Any, context: Any) -> Any:
        await _abort(context, errors.Unauthenticated("this server asks for a token: send the metadata `authorization: Bearer TOKEN`"))

    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = makers[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(refuse, handler.request_deserializer, handler.response_serializer)


async def _abort(context: Any, error: errors.ServerError) -> None:
    await context.abort(error.code, error.message, error.trailers())


def _method(details: grpc.HandlerCallDetails) -> str:
    method: str | bytes = details.method
    return method.decode() if isinstance(method, bytes) else method
