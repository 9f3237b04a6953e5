"""Work on its way through the engine: whose it is, how long it may wait, and clients that do not read or are gone."""

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_proto.v1 import server_pb2, server_pb2_grpc, synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import PRIORITY_BATCH, SynthesizeRequest
from dgnam_server.engine.events import Failed, Failure, Finished
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.engine.load import Overloaded, TooLarge
from dgnam_server.engine.scheduler import Priority
from dgnam_server.rpc import serve, submission, synthesis
from dgnam_server.settings import Settings
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def synthesize(server: Any, request: SynthesizeRequest, **options: Any) -> Any:
    return synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request, **options)


async def refused(call: Any) -> tuple[grpc.aio.AioRpcError, error_details_pb2.ErrorInfo]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    info = error_details_pb2.ErrorInfo()
    status = await rpc_status.aio.from_call(call)
    assert status is not None and status.details[0].Unpack(info)
    return caught.value, info


def large(variant: int, side: int = 480) -> Finished:
    """A result of almost 3 MiB; a dozen are far more than a connection buffers."""
    image = np.zeros((side, side, 3), np.float32)
    return Finished(
        variant, SynthesisResult(image, np.zeros(4, np.float32), np.ones((1, 1), np.float32), 1.0, np.ones(1), Ending.STEPS_DONE, 1)
    )


async def test_a_job_is_its_clients_and_waits_as_its_request_says(
    serving: Any, config: Settings, engine: Any, request_: SynthesizeRequest
) -> None:
    request_.priority, request_.queue_timeout_s = PRIORITY_BATCH, 600
    async with serving(config.model_copy(update={"token": "x"})) as server:
        call = synthesize(server, request_, metadata=(("authorization", "Bearer x"),))
        job = await engine.job()
        now = time.monotonic()
        assert job.standing.client.startswith("127.0.0.1/") and len(job.standing.client) == 18
        assert job.standing.priority is Priority.BATCH
        assert now + 400 < job.standing.start_by <= now + 600
        call.cancel()
        assert await asyncio.to_thread(job.cancelled.wait, 60)


async def test_the_servers_queue_timeout_bounds_the_requests(
    serving: Any, engine: Any, config: Settings, request_: SynthesizeRequest
) -> None:
    request_.queue_timeout_s = 1000
    async with serving(config.model_copy(update={"queue_timeout_s": 30})) as server:
        call = synthesize(server, request_)
        job = await engine.job()
        assert job.standing.start_by <= time.monotonic() + 30
        job.emit(Failed(Failure.QUEUE_TIMEOUT, "the job waited longer than it may", "queued", 0))
        error, info = await refused(call)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert (info.reason, info.metadata["phase"]) == ("QUEUE_TIMEOUT", "queued")


async def test_a_refusal_says_whose_jobs_take_up_the_room(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        for by_client, whose in ((True, "client"), (False, "server")):
            engine.refusal = Overloaded(2.0, "9 jobs of client 127.0.0.1 wait", by_client=by_client)
            error, info = await refused(synthesize(server, request_))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert error.details() == "9 jobs of client 127.0.0.1 wait"
            assert (info.reason, info.metadata["whose"]) == ("QUEUE_FULL", whose)


async def test_what_never_fits_is_not_worth_a_retry(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    engine.refusal = TooLarge("one picture of this kind needs about 9 MiB")
    async with serving() as server:
        error, info = await refused(synthesize(server, request_))
    assert (error.code(), info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MEMORY")
    assert "grpc-retry-pushback-ms" not in dict(error.trailing_metadata() or ())


async def test_the_load_tells_a_client_its_own_part(serving: Any) -> None:
    async with serving() as server:
        load = await server_pb2_grpc.ServerServiceStub(server.channel).GetLoad(server_pb2.GetLoadRequest())
    own = load.own
    assert load.memory_bytes == 7
    assert (own.client, own.queued_jobs, own.running_jobs, own.clients_ahead, own.memory_bytes) == ("127.0.0.1", 2, 1, 4, 6)


async def test_results_that_are_read_are_told_to_the_engine(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    request_.variants = 2
    async with serving() as server:
        call = synthesize(server, request_)
        job = await engine.job()
        job.emit(large(0))
        async for message in call:
            if message.WhichOneof("event") == "result":
                break
        async with asyncio.timeout(60):
            while job.results_read < 1:
                await asyncio.sleep(0.01)
        assert not job.cancelled.is_set()
        job.emit(large(1))
        assert [message.WhichOneof("event") async for message in call] == ["result"]
        assert job.cancelled.is_set()


async def test_a_caller_hears_the_end_of_a_call_whose_first_message_took_too_long(
    serving: Any, request_: SynthesizeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may be so busy that the time to read is over before gRPC says that the first message has left."""
    monkeypatch.setattr(synthesis, "passed_on", lambda context, message, _: submission.passed_on(context, message, 0.0))
    async with serving() as server:
        with pytest.raises(grpc.aio.AioRpcError, match="not read for 0 s"):
            async for _ in synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request_, timeout=20):
                pass


async def test_a_client_that_does_not_read_is_ended(
    serving: Any, engine: Any, config: Settings, request_: SynthesizeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    request_.variants = 24
    async with serving(config.model_copy(update={"read_timeout_s": 0.5})) as server:
        call = synthesize(server, request_)
        job = await engine.job()
        for variant in range(24):
            job.emit(large(variant))
        assert await asyncio.to_thread(job.cancelled.wait, 60)
        assert job.results_read < 12
        assert "client 127.0.0.1 has not read its results for 0.5 s" in caplog.text
        while not engine.jobs[1:]:  # others are served; where the machine stands still for so long, at another try
            with suppress(grpc.aio.AioRpcError):
                assert (await synthesize(server, request_).read()).HasField("queued")
        error, info = await refused(call)
        assert (error.code(), info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "UNREAD"), "it hears why when it reads again"


STOPPED = """
from dgnam_client import Client
for event in Client("{server}").stream("tiny:fc8:lemon"):
    print(event, flush=True)
"""


async def test_a_stopped_client_is_taken_for_gone(serving: Any, engine: Any, config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "_KEEPALIVE_ANSWER_S", 1.0)
    async with serving(config.model_copy(update={"keepalive_s": 1.0})) as server:
        assert server.app.settings.port_file
        address = f"grpc://127.0.0.1:{server.app.settings.port_file.read_text().strip()}"
        client = subprocess.Popen([sys.executable, "-c", STOPPED.format(server=address)], stdout=subprocess.PIPE)
        try:
            async with asyncio.timeout(60):
                while not engine.jobs:
                    await asyncio.sleep(0.01)
            assert await asyncio.to_thread(client.stdout.readline)  # type: ignore[union-attr]
            client.send_signal(signal.SIGSTOP)
            assert not engine.jobs[0].cancelled.is_set()
            assert await asyncio.to_thread(engine.jobs[0].cancelled.wait, 60)
        finally:
            client.kill()
            client.communicate()


def test_by_default_a_stopped_client_is_freed_in_half_a_minute() -> None:
    assert Settings().keepalive_s + serve._KEEPALIVE_ANSWER_S <= 30


def test_a_stop_fits_into_the_ten_seconds_that_docker_gives() -> None:
    from dgnam_server.engine import device_thread

    assert Settings().drain_timeout_s + device_thread._LAST_STEP_S + serve._LAST_WORDS_S < 9.5
