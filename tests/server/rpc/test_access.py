"""Every call has an id, is counted and leaves a line."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from dgnam_proto.v1 import server_pb2, server_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_server.observability.metrics import Metrics
from dgnam_server.observability.request_id import KEY
from dgnam_server.rpc.access import Access
from dgnam_server.settings import Settings
from grpc_health.v1 import health_pb2, health_pb2_grpc

INFO = {"grpc_service": "dgnam.v1.ServerService", "grpc_method": "GetServerInfo"}
SYNTHESIZE = {"grpc_service": "dgnam.v1.SynthesisService", "grpc_method": "Synthesize"}


def handled(server: Any, call: dict[str, str], code: str) -> float:
    return server.app.metrics.registry.get_sample_value("grpc_server_handled_total", {**call, "grpc_code": code}) or 0


async def counted(server: Any, call: dict[str, str], code: str) -> bool:
    """Wait until a call has been counted: the caller may hear its end first."""
    async with asyncio.timeout(20):
        while not handled(server, call, code):
            await asyncio.sleep(0.005)
    return True


def lines(caplog: pytest.LogCaptureFixture, call: dict[str, str]) -> list[Any]:
    return [record for record in caplog.records if getattr(record, "grpc_method", "") == call["grpc_method"]]


async def test_an_answer_comes_with_its_id_and_leaves_a_line(serving: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with serving() as server:
            call = server_pb2_grpc.ServerServiceStub(server.channel).GetServerInfo(server_pb2.GetServerInfoRequest())
            await call
            made = dict(await call.trailing_metadata())[KEY]
            call = server_pb2_grpc.ServerServiceStub(server.channel).GetServerInfo(
                server_pb2.GetServerInfoRequest(), metadata=((KEY, "mine"),)
            )
            await call
            assert dict(await call.trailing_metadata())[KEY] == "mine" != made
            assert handled(server, INFO, "OK") == 2
    line = lines(caplog, INFO)[0]
    assert (line.grpc_code, line.client, line.levelno) == ("OK", "127.0.0.1", logging.INFO) and 0 < line.seconds < 60
    assert line.getMessage().startswith("dgnam.v1.ServerService/GetServerInfo: OK to 127.0.0.1 after ")


async def test_errors_come_with_their_id(serving: Any, config: Settings) -> None:
    async with serving(config.model_copy(update={"token": "s3cret"})) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(SynthesizeRequest(), metadata=((KEY, "m1"),)).read()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert dict(caught.value.trailing_metadata() or ())[KEY] == "m1"
        assert await counted(server, SYNTHESIZE, "UNAUTHENTICATED")


async def test_a_caller_that_leaves_counts_as_cancelled(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_)
        await call.read()
        call.cancel()
        assert await counted(server, SYNTHESIZE, "CANCELLED")


@asynccontextmanager
async def without_resets(port: int) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a port of this machine, where no word comes through of callers that leave (HTTP/2's RST_STREAM, RFC 9113, 6.4)."""
    writers: list[asyncio.StreamWriter] = []

    async def frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(24))  # what each connection begins with
        while True:
            head = await reader.readexactly(9)
            body = await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] != 3:
                writer.write(head + body)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**18):
            writer.write(data)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writers.extend([writer, back])
        with suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.gather(frames(reader, back), answers(there, writer))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as between:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{between.sockets[0].getsockname()[1]}") as channel:
            await channel.channel_ready()
            yield channel
        for writer in writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def test_a_deadline_that_only_grpc_watches_counts_as_one(
    serving: Any, engine: Any, request_: SynthesizeRequest, config: Settings
) -> None:
    async with serving() as server:
        assert config.port_file
        async with without_resets(int(config.port_file.read_text())) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                async for _ in synthesis_pb2_grpc.SynthesisServiceStub(channel).Synthesize(request_, timeout=0.3):
                    pass
            assert await counted(server, SYNTHESIZE, "DEADLINE_EXCEEDED")


@pytest.mark.parametrize(
    ("left_s", "code"), [(0.0, "DEADLINE_EXCEEDED"), (0.04, "DEADLINE_EXCEEDED"), (30.0, "CANCELLED"), (None, "CANCELLED")]
)
async def test_a_callers_clock_runs_out_a_little_before_the_servers(left_s: float | None, code: str) -> None:
    """A caller tells its deadline in seconds that are left, which begin anew where they are read; and its cancel may come first."""
    metrics = Metrics()
    about = {"peer": lambda: "ipv4:127.0.0.1:1", "invocation_metadata": tuple, "auth_context": dict, "set_trailing_metadata": id}
    context = SimpleNamespace(time_remaining=lambda: left_s, **about)

    async def left(requests: object, context: object) -> None:
        raise asyncio.CancelledError

    async def handler(details: object) -> grpc.RpcMethodHandler:
        return grpc.stream_stream_rpc_method_handler(left)  # type: ignore[arg-type]

    details = SimpleNamespace(method="/dgnam.v1.SynthesisService/Synthesize", invocation_metadata=())
    watched = await Access(metrics).intercept_service(handler, details)  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await watched.stream_stream(None, context)
    assert metrics.registry.get_sample_value("grpc_server_handled_total", {**SYNTHESIZE, "grpc_code": code}) == 1


async def test_of_methods_that_are_not_there_no_name_is_kept(serving: Any, caplog: pytest.LogCaptureFixture) -> None:
    unknown = {"grpc_service": "unknown", "grpc_method": "unknown"}
    with caplog.at_level(logging.INFO):
        async with serving() as server:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await server.channel.unary_unary("/dgnam.v1.Nobody/Nothing")(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            assert await counted(server, unknown, "UNIMPLEMENTED")
    assert len(lines(caplog, unknown)) == 1 and "Nobody" not in caplog.text


async def test_probes_leave_no_line(serving: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with serving() as server:
            await health_pb2_grpc.HealthStub(server.channel).Check(health_pb2.HealthCheckRequest())
            check = {"grpc_service": "grpc.health.v1.Health", "grpc_method": "Check"}
            assert handled(server, check, "OK") == 1
    assert not lines(caplog, check)


async def test_a_bug_is_found_by_the_id_of_its_call(serving: Any, engine: Any, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    engine.load = broken
    with caplog.at_level(logging.INFO):
        async with serving() as server:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await server_pb2_grpc.ServerServiceStub(server.channel).GetLoad(server_pb2.GetLoadRequest())
            assert caught.value.code() is grpc.StatusCode.INTERNAL and dict(caught.value.trailing_metadata() or ())[KEY]
            del engine.load  # the metrics look there too
            load = {"grpc_service": "dgnam.v1.ServerService", "grpc_method": "GetLoad"}
            assert await counted(server, load, "INTERNAL")
