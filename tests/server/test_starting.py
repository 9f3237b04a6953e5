"""A server whose port is open before its models are loaded."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import torch
from dgnam_proto.v1 import catalog_pb2, catalog_pb2_grpc, server_pb2, server_pb2_grpc, synthesis_pb2, synthesis_pb2_grpc
from dgnam_server import app
from dgnam_server.faults import SettingsError
from dgnam_server.rpc import serve
from dgnam_server.settings import OFF, Settings
from dgnam_server.starting import Starting
from free_ports import free_port
from grpc_health.v1 import health_pb2, health_pb2_grpc

NOT_SERVING, SERVING = health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def settings(tiny_pack: Path, tmp_path: Path) -> Iterator[Settings]:
    threads = torch.get_num_threads()
    what: dict[str, Any] = {
        "models": (tiny_pack,),
        "only": ("tiny-prior",),
        "default_prior": "tiny-prior",
        "device": "cpu",
        "batch_rows": 2,
    }
    yield Settings(**what, port=free_port(), jobs=OFF, state_dir=tmp_path, cache_dir=tmp_path)
    torch.set_num_threads(threads)


async def test_health_answers_while_it_loads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """And calls are told that it warms up, until they are answered."""
    build, go_on = app.build, threading.Event()

    def slow(*arguments: Any, **more: Any) -> app.App:
        assert go_on.wait(60)
        assert not gc.isenabled(), "what comes now stays: no garbage is looked for"
        return build(*arguments, **more)

    monkeypatch.setattr(app, "build", slow)
    starting, stop = Starting(settings, time.monotonic()), asyncio.Event()
    ended = asyncio.ensure_future(serve.run(starting, stop))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.port}") as channel:
            health, catalog = health_pb2_grpc.HealthStub(channel), catalog_pb2_grpc.CatalogServiceStub(channel)
            asked = health_pb2.HealthCheckRequest()
            assert (await health.Check(asked, wait_for_ready=True)).status == NOT_SERVING
            assert starting.loads
            for call in (
                catalog.ListModels(catalog_pb2.ListModelsRequest()),
                synthesis_pb2_grpc.SynthesisServiceStub(channel).Synthesize(synthesis_pb2.SynthesizeRequest()).read(),
            ):
                with pytest.raises(grpc.aio.AioRpcError, match="the server is warming up") as caught:
                    await call
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary("/dgnam.v1.CatalogService/Guess")(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            go_on.set()
            async with asyncio.timeout(60):
                async for told in health.Watch(asked):
                    if told.status == SERVING:
                        break
            assert not starting.loads
            assert {model.name for model in (await catalog.ListModels(catalog_pb2.ListModelsRequest())).models} == {"tiny", "tiny-prior"}
            assert (await server_pb2_grpc.ServerServiceStub(channel).GetServerInfo(server_pb2.GetServerInfoRequest())).version
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary("/dgnam.v1.CatalogService/Guess")(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
            assert torch.get_num_threads() == 1, "the event loop's thread keeps no team"
            assert gc.isenabled()
            assert gc.get_freeze_count() > 10_000, "what has come is not looked through again"
    finally:
        gc.unfreeze()
        go_on.set()
        stop.set()
        await ended


async def test_what_keeps_it_from_loading_ends_it(settings: Settings) -> None:
    wrong = settings.model_copy(update={"device": "cuda:1000"})
    with pytest.raises(SettingsError, match="cuda:1000 is not there"):
        await serve.run(Starting(wrong, time.monotonic()), asyncio.Event())
    assert gc.isenabled()
