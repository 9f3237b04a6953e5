"""Fields that say how a request waits."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from dgnam_proto.v1 import search_pb2_grpc
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, OccludeRequest, Place, ProjectRequest
from dgnam_proto.v1.search_pb2 import AskRequest, CreateSearchRequest
from dgnam_proto.v1.synthesis_pb2 import (
    PRIORITY_BATCH,
    PRIORITY_INTERACTIVE,
    DrawRequest,
    SynthesizePixelsRequest,
    SynthesizeRequest,
)
from dgnam_proto.v1.target_pb2 import Array
from dgnam_server.engine.scheduler import Priority
from dgnam_server.rpc import queueing
from dgnam_server.rpc.queueing import Queueing
from dgnam_server.settings import Settings
from picture_files import noise

CODES = Array(shape=[24], data=np.zeros(24, np.float32).tobytes())
FC8, CONV2 = Place(model="tiny", tap="fc8"), Place(model="tiny", tap="conv2")
CALLS = {
    "SynthesisService/Draw": DrawRequest(prior="tiny-prior", codes=CODES),
    "AnalysisService/Activations": ActivationsRequest(images=[noise(32, 32)], places=[FC8]),
    "AnalysisService/Project": ProjectRequest(images=[noise(32, 32)], place=FC8),
    "AnalysisService/Occlude": OccludeRequest(images=[noise(32, 32)], places=[CONV2]),
    "SearchService/Ask": AskRequest(name="mine"),
}
KINDS = [SynthesizeRequest, SynthesizePixelsRequest, *map(type, CALLS.values())]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_request_says(kind: Any) -> None:
    assert queueing.read(kind()) == Queueing(Priority.INTERACTIVE, None)
    assert queueing.read(kind(priority=PRIORITY_INTERACTIVE)) == Queueing(Priority.INTERACTIVE, None)
    assert queueing.read(kind(priority=PRIORITY_BATCH, queue_timeout_s=2.5)) == Queueing(Priority.BATCH, 2.5)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_what_it_cannot_say(request_: SynthesizeRequest, violations: Callable[..., dict[str, str]], seconds: float) -> None:
    request_.priority, request_.queue_timeout_s = 7, seconds  # type: ignore[assignment]
    told = violations(request_)
    assert set(told) == {"priority", "queue_timeout_s"}
    assert "PRIORITY_BATCH" in told["priority"]
    assert "is not between 0.001 and 604800" in told["queue_timeout_s"]


async def test_every_request_for_work_says_it(serving: Any, engine: Any, config: Settings, tmp_path: Path) -> None:
    async with serving(config.model_copy(update={"state_dir": tmp_path / "state"})) as server:
        await search_pb2_grpc.SearchServiceStub(server.channel).CreateSearch(CreateSearchRequest(name="mine", prior="tiny-prior"))
        for number, (call, plain) in enumerate(CALLS.items()):
            method = server.channel.unary_stream(f"/dgnam.v1.{call}")
            asked = type(plain)()
            asked.CopyFrom(plain)
            asked.priority, asked.queue_timeout_s = PRIORITY_BATCH, 600
            begun = method(asked.SerializeToString())
            standing = (await engine.job(number)).standing
            assert standing.priority is Priority.BATCH, call
            assert 500 < standing.start_by - time.monotonic() <= 600, call
            begun.cancel()
            asked.priority, asked.queue_timeout_s = 7, 0  # type: ignore[assignment]
            with pytest.raises(grpc.aio.AioRpcError, match="PRIORITY_BATCH") as caught:
                await method(asked.SerializeToString()).read()
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT and "queue_timeout_s" in (caught.value.details() or ""), call
