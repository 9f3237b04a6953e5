"""The server's life: health, port file, token, TLS, drain."""

import asyncio
import logging
import shutil
import subprocess
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_proto.v1 import server_pb2, server_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_server import app
from dgnam_server.engine import device_thread
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.events import Failed, Failure
from dgnam_server.rpc import serve
from dgnam_server.settings import Settings
from free_ports import free_port
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

NOT_SERVING, SERVING = health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.SERVING


async def health(channel: grpc.aio.Channel, service: str = "") -> int:
    return (await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), wait_for_ready=True)).status


def info(channel: grpc.aio.Channel, **options: Any) -> Any:
    return server_pb2_grpc.ServerServiceStub(channel).GetServerInfo(server_pb2.GetServerInfoRequest(), **options)


async def test_not_serving_until_warm(config: Settings, builder: Builder, engine: Any, request_: SynthesizeRequest) -> None:
    engine.warm.clear()
    config = config.model_copy(update={"port": free_port()})
    stop = asyncio.Event()
    ended = asyncio.ensure_future(serve.run(app.assemble(config, builder, engine, "a test", time.monotonic()), stop))
    assert config.port_file
    async with grpc.aio.insecure_channel(f"127.0.0.1:{config.port}") as channel:
        for service in ("", *serve.SERVICES):
            assert await health(channel, service) == NOT_SERVING
        assert not config.port_file.exists()
        with pytest.raises(grpc.aio.AioRpcError, match="warming up") as caught:
            await synthesis_pb2_grpc.SynthesisServiceStub(channel).Synthesize(request_).read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        engine.warm.set()
        async with asyncio.timeout(60):
            while not config.port_file.exists():
                await asyncio.sleep(0.005)
        for service in ("", *serve.SERVICES):
            assert await health(channel, service) == SERVING
        assert config.port_file.read_text() == f"{config.port}\n"
    stop.set()
    await ended
    assert not config.port_file.exists()
    assert engine.drained == 3


def test_calls_that_were_cut_off_come_to_their_end_before_the_loop_closes() -> None:
    """As gRPC's task of such a call does: it waits for the handler's, and tells as an error if it is cancelled meanwhile."""
    told: list[str] = []

    async def call(handler: Awaitable[object]) -> None:
        try:
            await handler
            told.append("ended")
        except asyncio.CancelledError:
            told.append("an error")

    async def program(hangs: bool, timeout_s: float) -> None:
        handlers = [asyncio.sleep(0.02), *([asyncio.Event().wait()] if hangs else [])]
        calls = [asyncio.create_task(call(handler)) for handler in handlers]
        await asyncio.sleep(0)
        await serve.settled(timeout_s)
        assert calls[0].done()

    asyncio.run(program(False, 60))
    assert told == ["ended"]
    asyncio.run(program(True, 0.5))
    assert told[1:] == ["ended", "an error"], "one that hangs keeps nobody"


async def test_drain_tells_health_and_lets_streams_end(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_)
        job = await engine.job()
        loop, seen = asyncio.get_running_loop(), []

        def on_drain() -> None:
            seen.append(asyncio.run_coroutine_threadsafe(health(server.channel), loop).result(60))
            job.emit(Failed(Failure.DRAINING, "the server is shutting down", "running", 2))

        engine.on_drain = on_drain
        server.stop.set()
        with pytest.raises(grpc.aio.AioRpcError, match="shutting down") as caught:
            async for _ in call:
                pass
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        await server.ended
    assert seen == [NOT_SERVING]


async def test_work_that_ends_in_time_is_delivered(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_)
        engine.on_drain = (await engine.job()).finish
        server.stop.set()
        assert [message.WhichOneof("event") async for message in call][-1] == "result"


async def test_a_failed_start_ends_the_server(config: Settings, builder: Builder, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(engine, "start", start)
    with pytest.raises(RuntimeError, match="no memory"):
        await serve.run(app.assemble(config, builder, engine, "a test", time.monotonic()), asyncio.Event())
    assert config.port_file
    assert not config.port_file.exists()


async def test_a_taken_port_is_told(serving: Any, config: Settings, builder: Builder, engine: Any) -> None:
    async with serving():
        assert config.port_file
        taken = config.model_copy(update={"port": int(config.port_file.read_text()), "port_file": None})
        with pytest.raises(serve.StartError, match="cannot listen"):
            await serve.run(app.assemble(taken, builder, engine, "a test", time.monotonic()), asyncio.Event())


async def test_token(serving: Any, config: Settings) -> None:
    async with serving(config.model_copy(update={"token": "s3cret"})) as server:
        assert await health(server.channel) == SERVING
        for metadata in ((), (("authorization", "Bearer s3cre"),), (("authorization", "s3cret"),)):
            with pytest.raises(grpc.aio.AioRpcError, match="token") as caught:
                await info(server.channel, metadata=metadata)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert (await info(server.channel, metadata=(("authorization", "Bearer s3cret"),))).version
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(SynthesizeRequest()).read()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_who_have_tokens_of_their_own_are_clients_of_their_own(serving: Any, config: Settings, tmp_path: Path) -> None:
    """Of one address; and what is no token of the server makes nobody another client."""
    (tmp_path / "tokens").write_text("anns\nbobs\n")

    async def name(server: Any, token: str) -> str:
        stub = server_pb2_grpc.ServerServiceStub(server.channel)
        call = stub.GetLoad(server_pb2.GetLoadRequest(), metadata=(("authorization", f"Bearer {token}"),))
        return str((await call).own.client)

    async with serving(config.model_copy(update={"token_file": tmp_path / "tokens"})) as server:
        ann, bob = await name(server, "anns"), await name(server, "bobs")
        assert ann == await name(server, "anns") != bob
        assert ann.startswith("127.0.0.1/") and "anns" not in ann
        with pytest.raises(grpc.aio.AioRpcError, match="token"):
            await name(server, "anns bobs")
    async with serving() as server:
        assert await name(server, "anns") == await name(server, "bobs") == "127.0.0.1"


def test_a_drain_fits_into_the_ten_seconds_of_docker_stop() -> None:
    assert Settings().drain_timeout_s + device_thread._LAST_STEP_S + serve._LAST_WORDS_S < 10


async def test_reflection(serving: Any) -> None:
    async with serving() as server:
        stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        names = {service.name for service in (await call.read()).list_services_response.service}
        call.cancel()
    assert names >= set(serve.SERVICES)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost that vouches for itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_tls(serving: Any, config: Settings, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    async with serving(config.model_copy(update={"tls_cert": cert, "tls_key": key})) as server:
        assert server.app.settings.port_file
        address = f"localhost:{server.app.settings.port_file.read_text().strip()}"
        async with grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(cert.read_bytes())) as channel:
            assert (await info(channel)).version
        with pytest.raises(grpc.aio.AioRpcError):
            await info(server.channel, timeout=60)  # without TLS


async def test_mutual_tls(serving: Any, config: Settings, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    async with serving(config.model_copy(update={"tls_cert": cert, "tls_key": key, "tls_client_ca": cert})) as server:
        assert server.app.settings.port_file
        address = f"localhost:{server.app.settings.port_file.read_text().strip()}"
        known = grpc.ssl_channel_credentials(cert.read_bytes(), key.read_bytes(), cert.read_bytes())
        async with grpc.aio.secure_channel(address, known) as channel:
            assert (await info(channel)).version
            load = await server_pb2_grpc.ServerServiceStub(channel).GetLoad(server_pb2.GetLoadRequest())
            assert load.own.client == "localhost", "the certificate says who it is"
        async with grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(cert.read_bytes())) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await info(channel, timeout=60)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_wrong_tls_files_are_told(config: Settings, builder: Builder, engine: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    broken = config.model_copy(update={"tls_cert": wrong, "tls_key": wrong})
    with pytest.raises(serve.StartError, match="TLS"):
        await serve.run(app.assemble(broken, builder, engine, "a test", time.monotonic()), asyncio.Event())


async def test_an_open_address_is_warned_about(serving: Any, config: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(config.model_copy(update={"host": "0.0.0.0"})):
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
