"""SynthesisService over a real socket: order of the stream, coalescing, cancelling, deadlines, errors; and Draw."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import synthesis_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import DrawRequest, Include, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Failed, Failure, Finished, Progress, Started
from dgnam_server.engine.load import Draining, EngineLimits, Overloaded
from dgnam_server.engine.warmup import typical
from dgnam_server.rpc import request
from dgnam_server.rpc.mailbox import Pace
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def synthesize(server: Any, request: SynthesizeRequest, **options: Any) -> Any:
    return synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Synthesize(request, **options)


def draw(server: Any, request: DrawRequest, **options: Any) -> Any:
    return synthesis_pb2_grpc.SynthesisServiceStub(server.channel).Draw(request, **options)


async def kinds(call: Any) -> list[str]:
    return [message.WhichOneof("event") async for message in call]


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await kinds(call)
    return caught.value


async def details(call: Any, error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The status's details by type name."""
    status = await rpc_status.aio.from_call(call)
    assert status.code == error.code().value[0]
    known = {
        getattr(error_details_pb2, name).DESCRIPTOR.full_name: getattr(error_details_pb2, name)
        for name in ("ErrorInfo", "RetryInfo", "BadRequest", "PreconditionFailure")
    }
    found = {}
    for packed in status.details:
        detail = known[packed.TypeName()]()
        assert packed.Unpack(detail)
        found[detail.DESCRIPTOR.name] = detail
    return found


async def test_stream(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    request_.variants = 2
    async with serving() as server:
        call = synthesize(server, request_)
        job = await engine.job()
        job.emit(Started())
        job.emit(Progress(0, 1, 3, 0.5))
        job.finish(1)
        job.finish(0)
        messages = [message async for message in call]
    assert [m.WhichOneof("event") for m in messages] == ["queued", "started", "progress", "result", "result"]
    assert [m.result.variant for m in messages[3:]] == [1, 0]
    assert messages[3].result.recipe.synthesize.seed == 1
    assert job.cancelled.is_set()  # harmless after the end, and never forgotten


async def test_many_steps_are_few_messages(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving(pace=Pace(progress_s=60)) as server:
        call = synthesize(server, request_)
        job = await engine.job()
        for step in range(1000):
            job.emit(Progress(0, step, 1000, 0.5))
            await asyncio.sleep(0)
        job.finish()
        assert 1 <= (await kinds(call)).count("progress") <= 2, "the first, and what was left at the end"


async def test_heartbeat(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving(pace=Pace(heartbeat_s=0.02)) as server:
        call = synthesize(server, request_)
        job = await engine.job()
        heard = []
        async for message in call:
            heard.append(message.WhichOneof("event"))
            if heard[-1] == "heartbeat":
                job.finish()
        assert "heartbeat" in heard and heard[-1] == "result"


async def cancelling(call: Any) -> None:
    call.cancel()


async def reading_then_cancelling(call: Any) -> None:
    await call.read()
    call.cancel()


@pytest.mark.parametrize("leave", [cancelling, reading_then_cancelling])
async def test_cancel_frees_the_job(
    serving: Any, engine: Any, request_: SynthesizeRequest, leave: Callable[[Any], Awaitable[None]]
) -> None:
    async with serving() as server:
        call = synthesize(server, request_)
        job = await engine.job()
        await leave(call)
        assert await asyncio.to_thread(job.cancelled.wait, 60)


async def test_disconnect_frees_the_job(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesize(server, request_)
        job = await engine.job()
        await server.channel.close()
        assert await asyncio.to_thread(job.cancelled.wait, 60)
        assert call.done()


async def test_a_deadline_goes_to_the_engine_and_ends_the_call(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        synthesize(server, request_)
        assert (await engine.job()).deadline is None
        call, job = await engine.job_of(lambda seconds: synthesize(server, request_, timeout=seconds))
        assert job.deadline is not None
        assert (await refusal(call)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await asyncio.to_thread(job.cancelled.wait, 60)


async def test_a_job_that_missed_its_deadline_tells_how_far_it_came(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesize(server, request_, timeout=100)
        (await engine.job()).emit(Failed(Failure.DEADLINE, "late", "running", 17))
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert dict((await details(call, error))["ErrorInfo"].metadata) == {"phase": "running", "steps_done": "17"}


async def test_failure_after_progress(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesize(server, request_)
        job = await engine.job()
        job.emit(Failed(Failure.NUMERIC, "the gradient is not a number at step 3", "running", 3))
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "step 3" in (error.details() or "")


async def test_queue_full(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    engine.refusal = Overloaded(1.5)
    async with serving() as server:
        call = synthesize(server, request_)
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        found = await details(call, error)
        assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "1500"
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("QUEUE_FULL", "dgnam")
    assert found["RetryInfo"].retry_delay.ToTimedelta().total_seconds() == 1.5


async def test_draining(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    engine.refusal = Draining()
    async with serving() as server:
        call = synthesize(server, request_)
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "RetryInfo" in await details(call, error)


async def test_bad_request(serving: Any, request_: SynthesizeRequest) -> None:
    request_.options["steps"] = 0
    async with serving() as server:
        call = synthesize(server, request_)
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert [v.field for v in (await details(call, error))["BadRequest"].field_violations] == ["options.steps"]


async def test_a_request_wrong_all_over_still_gets_its_answer(serving: Any, request_: SynthesizeRequest) -> None:
    """Clients refuse trailing metadata beyond 8 KiB, and would then tell nothing of what is wrong."""
    for _ in range(15):
        term = request_.target.terms.add(weight=0, readout=99)  # type: ignore[arg-type]
        term.unit.model, term.unit.tap = "ä" * 500, "\n" * 500
    async with serving() as server:
        call = synthesize(server, request_)
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "more" in (error.details() or "")
        assert len((await details(call, error))["BadRequest"].field_violations) > 5


async def test_a_bug_is_told_by_an_id(
    serving: Any, request_: SynthesizeRequest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(request, "read", broken)
    async with serving() as server:
        call = synthesize(server, request_)
        error = await refusal(call)
        identity = (await details(call, error))["ErrorInfo"].metadata["id"]
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in repr(error)
    assert any(identity in record.getMessage() and record.exc_info for record in caplog.records)


async def test_with_the_real_engine(serving: Any, builder: Builder, request_: SynthesizeRequest) -> None:
    request_.options["steps"], request_.variants, request_.preview_interval = 6, 2, 3
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        messages = [message async for message in synthesize(server, request_)]
        results = [m.result for m in messages if m.WhichOneof("event") == "result"]
        (again,) = [m.result async for m in synthesize(server, results[1].recipe.synthesize) if m.WhichOneof("event") == "result"]
    assert sorted(result.variant for result in results) == [0, 1]
    assert arrays.from_message(results[0].history).shape == (6, 1)
    assert any(v.HasField("preview") for m in messages for v in m.progress.variants)
    np.testing.assert_allclose(arrays.from_message(again.image), arrays.from_message(results[1].image), atol=1e-5)


async def test_pixels_with_the_real_engine(serving: Any, builder: Builder, request_: SynthesizeRequest) -> None:
    request = SynthesizePixelsRequest(target=request_.target, options={"steps": 6}, variants=2, preview_interval=3)
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        call = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).SynthesizePixels
        messages = [message async for message in call(request)]
        results = {m.result.variant: m.result for m in messages if m.WhichOneof("event") == "result"}
        (again,) = [m.result async for m in call(results[1].recipe.synthesize_pixels) if m.WhichOneof("event") == "result"]
    assert sorted(results) == [0, 1]
    assert arrays.from_message(results[0].image).shape == (32, 32, 3)
    assert any(v.HasField("preview") for m in messages for v in m.progress.variants)
    np.testing.assert_allclose(arrays.from_message(again.image), arrays.from_message(results[1].image), atol=1e-4)


async def test_cancelling_pixels_frees_the_job(serving: Any, engine: Any, request_: SynthesizeRequest) -> None:
    async with serving() as server:
        call = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).SynthesizePixels(SynthesizePixelsRequest(target=request_.target))
        job = await engine.job()
        call.cancel()
        assert await asyncio.to_thread(job.cancelled.wait, 60)


async def test_pixels_refused(serving: Any, request_: SynthesizeRequest) -> None:
    request = SynthesizePixelsRequest(target=request_.target, options={"bound_multiplier": 1.0, "momentum": 7.0})
    async with serving() as server:
        call = synthesis_pb2_grpc.SynthesisServiceStub(server.channel).SynthesizePixels(request)
        error = await refusal(call)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        found = await details(call, error)
    assert {v.field for v in found["BadRequest"].field_violations} == {"options.bound_multiplier", "options.momentum"}


CODES = np.random.default_rng(0).random((3, 24), np.float32)


async def test_draw_with_the_real_engine(serving: Any, builder: Builder, request_: SynthesizeRequest) -> None:
    """The pictures of a synthesis's own codes are its pictures."""
    request_.options["steps"], request_.variants = 2, 2
    async with serving(engine=DeviceThread(typical(builder), EngineLimits(max_batch_rows=4))) as server:
        results = [m.result async for m in synthesize(server, request_) if m.WhichOneof("event") == "result"]
        codes = np.stack([arrays.from_message(result.code) for result in results])
        drawn = await draw(server, DrawRequest(codes=arrays.to_message(codes)))
    assert len(drawn.pictures) == 2
    for picture, result in zip(drawn.pictures, results, strict=True):
        np.testing.assert_allclose(arrays.from_message(picture.image), arrays.from_message(result.image), atol=1e-5)
        assert picture.png == result.png


async def test_pictures_come_in_the_order_of_their_codes(serving: Any, engine: Any) -> None:
    async with serving() as server:
        call = draw(server, DrawRequest(codes=arrays.to_message(CODES), include=Include(png=False)))
        job = await engine.job()
        np.testing.assert_array_equal(job.work.codes, CODES)
        for row in (2, 0, 1):
            job.emit(Finished(row, np.full((4, 4, 3), row, np.float32)))
        assert [arrays.from_message(picture.image)[0, 0, 0] for picture in (await call).pictures] == [0, 1, 2]
        assert await asyncio.to_thread(job.cancelled.wait, 60), "once the answer was sent"


async def test_a_draw_that_is_cancelled_late_or_fails(serving: Any, engine: Any) -> None:
    asked = DrawRequest(codes=arrays.to_message(CODES))
    async with serving() as server:
        cancelled = draw(server, asked)
        job = await engine.job()
        cancelled.cancel()
        assert await asyncio.to_thread(job.cancelled.wait, 60)
        failed = draw(server, asked)
        (await engine.job(1)).emit(Failed(Failure.NUMERIC, "code 1 gives values that are not finite"))
        with pytest.raises(grpc.aio.AioRpcError, match="code 1 gives") as caught:
            await failed
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert (await details(failed, caught.value))["ErrorInfo"].reason == "NUMERIC"
        late, job = await engine.job_of(lambda seconds: draw(server, asked, timeout=seconds))
        assert job.deadline is not None
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await asyncio.to_thread(job.cancelled.wait, 60)


async def test_a_draw_refused(serving: Any) -> None:
    async with serving() as server:
        call = draw(server, DrawRequest(codes=arrays.to_message(CODES[:, :5])))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert [v.field for v in (await details(call, caught.value))["BadRequest"].field_violations] == ["codes.shape"]
