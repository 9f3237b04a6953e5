"""Traces of calls, by OpenTelemetry's own instrumentation of gRPC: the extra `tracing`.

A span is a call, with its method, its status, its id, and the caller's span as parent where the caller sent one. Where spans go and how
they are named is OpenTelemetry's business: beside the endpoint its OTEL_... variables count.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

from dgnam_server import __version__
from dgnam_server.faults import Fault, SettingsError
from dgnam_server.observability.request_id import CURRENT

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.grpc import aio_server_interceptor, filters
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError:
    why = 'OpenTelemetry is not installed: pip install "dgnam-server[tracing]"'
    raise SettingsError([Fault("traces_endpoint", why)]) from None

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]


def provider(endpoint: str) -> TracerProvider:
    """What collects spans and sends them, in batches, from a thread of its own, to `endpoint` by OTLP over HTTP."""
    here = Resource({SERVICE_NAME: "dgnam-server", SERVICE_VERSION: __version__})
    made = TracerProvider(resource=here.merge(OTELResourceDetector().detect()))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return made


class Tracing(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the stubs
    """Gives each call but health checks a span. To be behind what gives calls their ids, and before the gate."""

    def __init__(self, tracers: TracerProvider) -> None:
        watched = filters.negate(filters.health_check())
        self._standard = aio_server_interceptor(tracers, filter_=watched)  # type: ignore[no-untyped-call]

    async def intercept_service(self, continuation: Continuation, details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call, in a span."""
        handler = await continuation(details)
        behaviour = handler.stream_stream or handler.stream_unary

        async def named(requests: Any, context: Any) -> Any:
            trace.get_current_span().set_attribute("dgnam.request_id", CURRENT.get())
            return await behaviour(requests, context)

        async def one_answer(_: grpc.HandlerCallDetails) -> Any:
            # The instrumentation takes every stream of answers for a generator. Ours are written to the context, by a coroutine.
            return grpc.stream_unary_rpc_method_handler(named, None, handler.response_serializer)

        traced = await self._standard.intercept_service(one_answer, details)
        make = grpc.stream_stream_rpc_method_handler if handler.response_streaming else grpc.stream_unary_rpc_method_handler
        return make(traced.stream_unary, None, handler.response_serializer)
