"""Every call that queues work waits, ends and is counted alike."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from dgnam_proto.v1 import analysis_pb2, catalog_pb2, search_pb2, search_pb2_grpc, server_pb2, synthesis_pb2
from dgnam_proto.v1.analysis_pb2 import ActivationsRequest, ExemplarsRequest, OccludeRequest, Place, ProjectRequest, TransformRequest
from dgnam_proto.v1.search_pb2 import AskRequest, CreateSearchRequest, GetSearchRequest, Score, TellRequest
from dgnam_proto.v1.synthesis_pb2 import (
    PRIORITY_BATCH,
    PRIORITY_INTERACTIVE,
    DrawRequest,
    SynthesizePixelsRequest,
    SynthesizeRequest,
)
from dgnam_proto.v1.target_pb2 import Array, Target, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.events import Failed, Failure
from dgnam_server.engine.scheduler import Priority
from dgnam_server.rpc import queueing
from dgnam_server.rpc.queueing import Queueing
from dgnam_server.settings import Settings
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from picture_files import noise

CODES = Array(shape=[24], data=np.zeros(24, np.float32).tobytes())
FC8, CONV2 = Place(model="tiny", tap="fc8"), Place(model="tiny", tap="conv2")
TARGET = Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))])
CALLS = {
    "SynthesisService/Synthesize": SynthesizeRequest(target=TARGET),
    "SynthesisService/SynthesizePixels": SynthesizePixelsRequest(target=TARGET),
    "SynthesisService/Draw": DrawRequest(prior="tiny-prior", codes=CODES),
    "AnalysisService/Activations": ActivationsRequest(images=[noise(32, 32)], places=[FC8]),
    "AnalysisService/Project": ProjectRequest(images=[noise(32, 32)], place=FC8),
    "AnalysisService/Occlude": OccludeRequest(images=[noise(32, 32)], places=[CONV2]),
    "AnalysisService/Transform": TransformRequest(images=[noise(32, 32)], places=[CONV2], rotations=[90]),
    "AnalysisService/Exemplars": ExemplarsRequest(place=Place(model="tiny", tap="conv2", index=3)),
    "SearchService/Ask": AskRequest(name="mine"),
    "SearchService/GetSearch": GetSearchRequest(name="mine"),
}
# They look things up, and have no network compute anything.
OTHERS = {
    *(f"CatalogService/{name}" for name in ("ListModels", "GetModel", "ListUnits", "ListMethods")),
    "AnalysisService/GetFilters",
    *(f"ServerService/{name}" for name in ("GetServerInfo", "GetLoad")),
    *(f"SearchService/{name}" for name in ("CreateSearch", "Tell", "ListSearches", "DeleteSearch", "ExportSearch", "ListOptimizers")),
}


@pytest.fixture
def builder(indexed: Catalog) -> Builder:
    return Builder(indexed, torch.device("cpu"))


@pytest.fixture
def begun(serving: Any, config: Settings, tmp_path: Path) -> Any:
    """A server with a search that has a best picture."""
    return serving(config.model_copy(update={"state_dir": tmp_path / "state"}))


async def search(server: Any) -> None:
    stub = search_pb2_grpc.SearchServiceStub(server.channel)
    await stub.CreateSearch(CreateSearchRequest(name="mine", prior="tiny-prior", options={"population": 4}))
    await stub.Tell(TellRequest(name="mine", scores=[Score(picture=number, values=[1]) for number in range(4)]))


def asking(server: Any, call: str, timeout_s: float = 300, **fields: Any) -> Any:
    """The call with fields set, under way."""
    asked = type(CALLS[call])()
    asked.CopyFrom(CALLS[call])
    for name, value in fields.items():
        setattr(asked, name, value)
    return server.channel.unary_stream(f"/dgnam.v1.{call}")(asked.SerializeToString(), timeout=timeout_s)


def test_a_call_either_queues_work_or_looks_something_up() -> None:
    files = (synthesis_pb2, analysis_pb2, search_pb2, catalog_pb2, server_pb2)
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]
    requests = {f"{service.name}/{method.name}": method.input_type for service in services for method in service.methods}
    assert CALLS.keys() | OTHERS == requests.keys(), "a new call belongs into one of the two tables"
    waiting = {call for call, request in requests.items() if {"priority", "queue_timeout_s"} <= set(request.fields_by_name.keys())}
    assert waiting == CALLS.keys()


@pytest.mark.parametrize("kind", [type(request) for request in CALLS.values()])
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


async def test_every_request_for_work_says_it(begun: Any, engine: Any) -> None:
    async with begun as server:
        await search(server)
        for number, call in enumerate(CALLS):
            under_way = asking(server, call, priority=PRIORITY_BATCH, queue_timeout_s=600)
            job = await engine.job(number)
            assert job.standing.priority is Priority.BATCH, call
            assert 500 < job.standing.start_by - time.monotonic() <= 600, call
            assert 200 < job.deadline - time.monotonic() <= 310, call  # gRPC sends deadlines rounded up
            under_way.cancel()
            assert await asyncio.to_thread(job.cancelled.wait, 60), f"{call}: whoever leaves gives its place back"
            with pytest.raises(grpc.aio.AioRpcError, match="PRIORITY_BATCH") as caught:
                await asking(server, call, priority=7, queue_timeout_s=0).read()
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT and "queue_timeout_s" in (caught.value.details() or ""), call


@pytest.mark.parametrize(
    ("failure", "phase", "reason"), [(Failure.DEADLINE, "running", "DEADLINE"), (Failure.QUEUE_TIMEOUT, "queued", "QUEUE_TIMEOUT")]
)
async def test_every_call_that_comes_too_late_tells_how_far_it_came(
    begun: Any, engine: Any, failure: Failure, phase: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with begun as server:
        await search(server)
        with caplog.at_level(logging.INFO):
            for number, call in enumerate(CALLS):
                under_way = asking(server, call)
                (await engine.job(number)).emit(Failed(failure, "too late", phase, 7))
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    async for _ in under_way:
                        pass
                assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED, call
                info = error_details_pb2.ErrorInfo()
                assert (await rpc_status.aio.from_call(under_way)).details[0].Unpack(info), call
                assert (info.reason, dict(info.metadata)) == (reason, {"phase": phase, "steps_done": "7"}), call
        # The caller may hear the end before it is counted.
        async with asyncio.timeout(60):
            while not all(handled(server, call) for call in CALLS):
                await asyncio.sleep(0.005)
    logged = {(record.grpc_service, record.grpc_method, record.grpc_code) for record in caplog.records if hasattr(record, "grpc_code")}
    assert {(*f"dgnam.v1.{call}".split("/"), "DEADLINE_EXCEEDED") for call in CALLS} <= logged


def handled(server: Any, call: str) -> float:
    """How many such calls ended at a deadline, as the metrics have it."""
    service, method = call.split("/")
    labels = {"grpc_service": f"dgnam.v1.{service}", "grpc_method": method, "grpc_code": "DEADLINE_EXCEEDED"}
    return server.app.metrics.registry.get_sample_value("grpc_server_handled_total", labels) or 0
