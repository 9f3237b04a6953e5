"""Spans of calls over a real socket."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("opentelemetry.instrumentation.grpc")

import grpc
from dgnam_proto.v1 import server_pb2, server_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_server.rpc import tracing
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracers(spans: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(spans))
    return made


async def test_calls_have_spans(
    serving: Any, engine: Any, request_: SynthesizeRequest, spans: InMemorySpanExporter, tracers: TracerProvider
) -> None:
    async with serving(tracers=tracers) as server:
        sent = (("traceparent", PARENT), ("x-request-id", "mine"))
        stub = server_pb2_grpc.ServerServiceStub(server.channel)
        assert (await stub.GetServerInfo(server_pb2.GetServerInfoRequest(), metadata=sent)).version
        assert await health_pb2_grpc.HealthStub(server.channel).Check(health_pb2.HealthCheckRequest())
        stream = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_)
        assert (await stream.read()).HasField("queued")
        (await engine.job()).finish()
        assert (await stream.read()).HasField("result") and await stream.read() is grpc.aio.EOF
        with pytest.raises(grpc.aio.AioRpcError):
            await synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(SynthesizeRequest()).read()
    asked, drawn, refused = spans.get_finished_spans()
    assert asked.attributes and drawn.attributes and refused.attributes
    assert (asked.name, asked.attributes["dgnam.request_id"]) == ("/dgnam.v1.ServerService/GetServerInfo", "mine")
    assert asked.context and f"{asked.context.trace_id:032x}" == PARENT.split("-")[1]
    assert asked.parent and f"{asked.parent.span_id:016x}" == PARENT.split("-")[2]
    assert (drawn.name, drawn.status.is_ok) == ("/dgnam.v1.SynthesisService/Synthesize", True)
    assert refused.attributes["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_spans_reach_a_collector_and_say_whose_they_are() -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        made = tracing.provider(f"http://127.0.0.1:{collector.server_port}/v1/traces")
        made.get_tracer("a test").start_span("a call").end()
        made.shutdown()
        collector.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces" and b"a call" in body and b"dgnam-server" in body


def test_without_the_extra_the_setting_is_refused() -> None:
    """In a process that does not find OpenTelemetry."""
    program = "import sys; sys.modules['opentelemetry'] = None; from dgnam_server.rpc import tracing"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=110)
    assert 'traces_endpoint: OpenTelemetry is not installed: pip install "dgnam-server[tracing]"' in ended.stderr
