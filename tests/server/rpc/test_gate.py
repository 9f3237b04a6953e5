"""Who gets in, with what: over a real socket, with messages that no generated code would send."""

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_proto.v1 import server_pb2, server_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term
from dgnam_server.engine.load import Overloaded
from dgnam_server.rpc import allowance, door, errors
from dgnam_server.rpc.gate import Gate
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import Settings
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

SYNTHESIZE, INFO = "/dgnam.v1.SynthesisService/Synthesize", "/dgnam.v1.ServerService/GetServerInfo"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
NO_MESSAGE = b"\x0a\xff"  # a field longer than what is there
INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED


async def refused(call: Any) -> grpc.aio.AioRpcError:
    async def ended() -> None:
        if not hasattr(call, "__aiter__"):
            await call
            return
        async for _ in call:
            pass

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ended()
    return caught.value


async def test_of_a_stranger_nothing_is_read(serving: Any, config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.Door, "message", lambda *_: pytest.fail("read"))
    async with serving(config.model_copy(update={"token": "s3cret"})) as server:
        body = b"\x00" * (config.max_request_bytes - 100)
        for _ in range(8):
            error = await refused(server.channel.unary_stream(SYNTHESIZE)(body))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        for method in (INFO, "/dgnam.v1.Nobody/Nothing", REFLECTION):
            error = await refused(server.channel.unary_unary(method)(body, metadata=(("authorization", "Bearer s3cre"),)))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED


@asynccontextmanager
async def counted(port: int) -> AsyncIterator[tuple[grpc.aio.Channel, list[int]]]:
    """A channel to a port of this machine, and the sizes of what goes there."""
    sizes: list[int] = []
    writers: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sizes: list[int]) -> None:
        while data := await reader.read(2**18):
            sizes.append(len(data))
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writers.append(back)
        with suppress(OSError):
            await asyncio.gather(pass_on(reader, back, sizes), pass_on(there, writer, []))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as between:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{between.sockets[0].getsockname()[1]}") as channel:
            yield channel, sizes
        for writer in writers:  # what nobody reads would keep a connection open that is only closed
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def test_next_to_nothing_of_a_strangers_message_is_let_in(serving: Any, config: Settings) -> None:
    """gRPC lets in megabytes of each call as it finds out how fast the network is."""
    body, calls = b"\x00" * (config.max_request_bytes - 100), 12
    async with serving(config.model_copy(update={"token": "s3cret"})):
        assert config.port_file
        async with counted(int(config.port_file.read_text())) as (channel, sizes):
            for _ in range(calls):
                assert (await refused(channel.unary_stream(SYNTHESIZE)(body))).code() is grpc.StatusCode.UNAUTHENTICATED
    assert sum(sizes) / calls <= 100 * 1024


@pytest.mark.parametrize("method", [SYNTHESIZE, INFO, CHECK, WATCH, REFLECTION])
async def test_bytes_that_are_no_message(serving: Any, caplog: pytest.LogCaptureFixture, method: str) -> None:
    async with serving() as server:
        with caplog.at_level(logging.INFO):
            error = await refused(server.channel.unary_stream(method)(NO_MESSAGE))
    assert error.code() is INVALID
    (line,) = [record for record in caplog.records if method in record.getMessage()]
    assert line.levelno == logging.INFO and not line.exc_info


async def test_a_call_without_a_message(serving: Any) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        for message in ():
            yield message

    async with serving() as server:
        error = await refused(server.channel.stream_unary(INFO)(nothing()))
    assert (error.code(), error.details()) == (INVALID, "the call brings no message, or one that is too large")


async def test_messages_are_limited_by_what_calls_need(serving: Any, config: Settings) -> None:
    async with serving(config.model_copy(update={"max_request_bytes": 100_000})) as server:
        error = await refused(server.channel.unary_unary(INFO)(b"\x00" * 70_000))
        assert (error.code(), error.details()) == (INVALID, "the message has 70000 bytes; such a call takes 65536")
        error = await refused(server.channel.unary_unary(CHECK)(b"\x00" * 2000))
        assert error.code() is INVALID
        error = await refused(server.channel.unary_stream(SYNTHESIZE)(b"\x00" * 100_001))
        assert error.code() is EXHAUSTED and "larger than max" in (error.details() or "")


async def test_a_message_of_very_many_fields_is_refused(serving: Any) -> None:
    """Of empty terms, which take two bytes each on the wire and many times that in memory."""
    terms = Target(terms=[Term()] * 30_000).SerializeToString()
    asked = b"\x0a" + bytes([len(terms) & 0x7F | 0x80, len(terms) >> 7 & 0x7F | 0x80, len(terms) >> 14]) + terms
    async with serving() as server:
        error = await refused(server.channel.unary_stream(SYNTHESIZE)(asked))
    assert (error.code(), error.details()) == (INVALID, "the message has more than 20000 fields")


async def test_wide_maps_are_refused_before_they_are_parsed(serving: Any) -> None:
    """Counting all fields of the names in a loop took a thread that others needed."""
    names = SynthesizeRequest(options={f"nothing{i}": 1.0 for i in range(4000)}).SerializeToString()
    async with serving() as server:
        error = await refused(server.channel.unary_stream(SYNTHESIZE)(names))
    assert (error.code(), error.details()) == (INVALID, "the message has maps of more than 256 entries")


async def test_calls_are_limited_and_what_is_asked_of_health_is_not(
    serving: Any, config: Settings, engine: Any, request_: SynthesizeRequest
) -> None:
    async with serving(config.model_copy(update={"max_calls": 2})) as server:
        stub = synthesis_pb2_grpc.SynthesisServiceStub(server.channel)
        calls = []
        for _ in range(2):
            calls.append(stub.Synthesize(request_))
            await calls[-1].read()  # so that the first job is the first call's
        third = stub.Synthesize(request_)
        error = await refused(third)
        assert error.code() is EXHAUSTED and "2 such calls are under way" in (error.details() or "")
        status = await rpc_status.aio.from_call(third)
        retry, info = error_details_pb2.RetryInfo(), error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info) and info.reason == "QUEUE_FULL"
        assert status.details[1].Unpack(retry) and retry.retry_delay.seconds
        assert (await server_pb2_grpc.ServerServiceStub(server.channel).GetServerInfo(server_pb2.GetServerInfoRequest())).version
        assert (await health_pb2_grpc.HealthStub(server.channel).Check(health_pb2.HealthCheckRequest())).status
        calls[0].cancel()
        assert await asyncio.to_thread((await engine.job()).cancelled.wait, 60)
        assert (await stub.Synthesize(request_).read()).HasField("queued")


async def test_one_client_has_a_part_of_the_calls(serving: Any, config: Settings, tmp_path: Path, request_: SynthesizeRequest) -> None:
    (tmp_path / "tokens").write_text("anns\nbobs\n")
    async with serving(config.model_copy(update={"max_client_calls": 2, "token_file": tmp_path / "tokens"})) as server:
        stub = synthesis_pb2_grpc.SynthesisServiceStub(server.channel)
        anns, bobs = ((("authorization", f"Bearer {name}"),) for name in ("anns", "bobs"))
        for _ in range(2):
            assert (await stub.Synthesize(request_, metadata=anns).read()).HasField("queued")
        third = stub.Synthesize(request_, metadata=anns)
        error = await refused(third)
        assert error.code() is EXHAUSTED and "2 such calls of client 127.0.0.1/" in (error.details() or "")
        info = error_details_pb2.ErrorInfo()
        assert (await rpc_status.aio.from_call(third)).details[0].Unpack(info) and info.metadata["whose"] == "client"
        assert (await stub.Synthesize(request_, metadata=bobs).read()).HasField("queued")


@pytest.mark.parametrize("bad", ["names", "strangers", "unknown calls"])
async def test_who_sends_what_is_refused_again_and_again_waits_while_others_call(
    serving: Any, config: Settings, tmp_path: Path, request_: SynthesizeRequest, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """And what it sends is not read before that."""
    monkeypatch.setattr(allowance, "SAVED_S", 0.1)
    monkeypatch.setattr(allowance, "CALL_S", 0.01)
    monkeypatch.setattr(allowance, "PATIENCE_S", 0.3)
    (tmp_path / "tokens").write_text("anns\nbobs\n")
    anns, bobs = ((("authorization", f"Bearer {name}"),) for name in ("anns", "bobs"))
    names = SynthesizeRequest(target=request_.target, options={f"nothing{i}": 1.0 for i in range(4000)}).SerializeToString()
    method, metadata, code = {
        "names": (SYNTHESIZE, bobs, INVALID),
        "strangers": (SYNTHESIZE, (), grpc.StatusCode.UNAUTHENTICATED),
        "unknown calls": ("/dgnam.v1.Nobody/Nothing", bobs, grpc.StatusCode.UNIMPLEMENTED),
    }[bad]

    async def answers(server: Any, calls: int) -> Counter[grpc.StatusCode]:
        hostile = server.channel.unary_stream(method)
        ended = [await refused(hostile(names, metadata=metadata)) for _ in range(calls)]
        return Counter(error.code() for error in ended)

    async with serving(config.model_copy(update={"client_call_share": 0.001, "token_file": tmp_path / "tokens"})) as server:
        assert await answers(server, 20) == {code: 20}, "nobody else is there"
        drawn = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_, metadata=anns)
        assert (await drawn.read()).HasField("queued")
        started = time.monotonic()
        assert await answers(server, 3) == {EXHAUSTED: 3}
        assert time.monotonic() - started >= 3 * 0.3
        info = server_pb2_grpc.ServerServiceStub(server.channel)
        assert (await info.GetServerInfo(server_pb2.GetServerInfoRequest(), metadata=anns)).version
        assert (await health_pb2_grpc.HealthStub(server.channel).Check(health_pb2.HealthCheckRequest())).status


async def test_who_asks_again_although_its_queue_is_full_costs_others_little(
    serving: Any, engine: Any, config: Settings, tmp_path: Path, request_: SynthesizeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many calls that are answered wait for nothing."""
    monkeypatch.setattr(allowance, "SAVED_S", 0.5)
    monkeypatch.setattr(allowance, "PATIENCE_S", 0.3)
    monkeypatch.setattr(allowance, "REFUSED_S", 0.1)
    (tmp_path / "tokens").write_text("anns\nbobs\n")
    anns, bobs = ((("authorization", f"Bearer {name}"),) for name in ("anns", "bobs"))
    async with serving(config.model_copy(update={"client_call_share": 0.001, "token_file": tmp_path / "tokens"})) as server:
        stub, info = (service(server.channel) for service in (synthesis_pb2_grpc.SynthesisServiceStub, server_pb2_grpc.ServerServiceStub))
        drawn = stub.Synthesize(request_, metadata=anns)
        assert (await drawn.read()).HasField("queued")
        for _ in range(20):
            await info.GetServerInfo(server_pb2.GetServerInfoRequest(), metadata=bobs)
        engine.refusal = Overloaded(60.0, "128 jobs of this client wait", by_client=True)
        details = [(await refused(stub.Synthesize(request_, metadata=bobs))).details() or "" for _ in range(20)]
        at_once = [one for one in details if "128 jobs" in one]
        assert 2 <= len(at_once) <= 6
        assert all("take more than 0.001 of a processor" in one for one in details[len(at_once) :])


async def test_watchers_are_limited(serving: Any) -> None:
    async with serving() as server:
        stub = health_pb2_grpc.HealthStub(server.channel)
        watching = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(64)]
        for call in watching:
            assert (await call.read()).status
        assert (await refused(stub.Watch(health_pb2.HealthCheckRequest()))).code() is EXHAUSTED
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status
        watching.pop().cancel()
        error = await refused(stub.Watch(health_pb2.HealthCheckRequest(service="nobody")))
        assert error.code() is grpc.StatusCode.NOT_FOUND
        for call in watching:
            call.cancel()


async def test_slow_senders_keep_nobody_waiting_for_long(
    serving: Any, engine: Any, request_: SynthesizeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "PATIENCE_S", 0.3)

    async def never() -> AsyncIterator[bytes]:
        await asyncio.sleep(600)
        yield b""

    async with serving() as server:
        slow = [server.channel.stream_stream(SYNTHESIZE)(never()) for _ in range(40)]
        while not engine.jobs:
            with suppress(grpc.aio.AioRpcError):  # where the machine stands still for 0.3 s, this one is slow too, and comes again
                assert (await synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_).read()).HasField("queued")
        error = await refused(slow[0])
        assert (error.code(), error.details()) == (INVALID, "the message did not arrive within 0.3 s")
        for call in slow[1:]:
            call.cancel()


async def test_connections_are_limited(serving: Any, config: Settings) -> None:
    async with serving(config.model_copy(update={"max_connections": 3})) as server:
        assert config.port_file
        address = ("127.0.0.1", int(config.port_file.read_text()))
        assert (await server_pb2_grpc.ServerServiceStub(server.channel).GetServerInfo(server_pb2.GetServerInfoRequest())).version

        def state(one: socket.socket, before: str) -> str:
            one.setblocking(False)
            try:
                return "let in" if one.recv(1000) else "closed"
            except BlockingIOError:
                return before
            except ConnectionError:
                return "closed"

        more = dict.fromkeys((socket.create_connection(address) for _ in range(6)), "new")
        async with asyncio.timeout(60):  # who is let in hears the server's settings at once
            while sorted(more.values()) != ["closed"] * 4 + ["let in"] * 2:
                more = {one: state(one, before) for one, before in more.items()}
                await asyncio.sleep(0.01)
        assert (await server_pb2_grpc.ServerServiceStub(server.channel).GetServerInfo(server_pb2.GetServerInfoRequest())).version
        assert {one: state(one, before) for one, before in more.items()} == more, "and that is how it stays"
        for one in more:
            one.close()
        assert (await server_pb2_grpc.ServerServiceStub(server.channel).GetServerInfo(server_pb2.GetServerInfoRequest())).version


@pytest.mark.parametrize("error", [None, errors.Unread("the call's results were not read for 4 s")])
async def test_a_caller_who_is_gone_when_something_is_sent_has_cancelled(config: Settings, error: errors.ServerError | None) -> None:
    """As one that is killed while its stream waits for it to read: a message or a status cannot be sent before gRPC cancels the call."""

    class Gone:
        async def read(self) -> bytes:
            return b""

        def peer(self) -> str:
            return "ipv4:127.0.0.1:1"

        async def write(self, _: object) -> None:
            raise grpc.aio.InternalError("execute_batch")

        async def abort(self, *_: object) -> None:
            raise grpc.aio.InternalError("execute_batch")

    async def stream(_: object, context: Any) -> None:
        if error is not None:
            raise error
        await context.write(server_pb2.GetServerInfoResponse())

    pools = Pools.of(config)
    handler = grpc.unary_stream_rpc_method_handler(stream, server_pb2.GetServerInfoRequest.FromString)
    served = Gate(config, pools)._served(INFO, handler, door.Door(door.Width(1, 1000, 1)))
    with pytest.raises(asyncio.CancelledError):
        await served(None, Gone())
    await pools.close()
