"""A server in this process, over a real socket, with an engine that says what the test tells it to."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dgnam_models
import grpc
import numpy as np
import pytest
from dgnam_models import Network, image_set, indexing
from dgnam_models.exemplars import ExemplarIndex
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Target, Term, Unit
from dgnam_server import app
from dgnam_server.app import App
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.events import Event, Finished, Queued
from dgnam_server.engine.job import Standing
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.engine.load import ClientLoad, EngineLimits, Load
from dgnam_server.engine.work import Work
from dgnam_server.indices import Indices
from dgnam_server.rpc import request, serve
from dgnam_server.rpc.errors import InvalidRequest
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import Pace
from dgnam_server.rpc.space import Request
from dgnam_server.settings import Settings
from dgnam_server.synth.spec import SynthesisSpec
from photograph_sets import photograph_folder
from picture_files import decode_here, settled

PACE = Pace()


@dataclass(eq=False)
class ScriptedJob:
    """One submitted job, and its ticket."""

    work: Any
    emit: Callable[[Event], None]
    deadline: float | None
    standing: Standing
    cancelled: threading.Event = field(default_factory=threading.Event)
    results_read: int = 0

    def close(self) -> None:
        self.cancelled.set()

    def read(self) -> None:
        self.results_read += 1

    def finish(self, variant: int = 0) -> None:
        """Emit a synthesis's result."""
        image, code = np.full((8, 8, 3), 0.5, np.float32), np.zeros(24, np.float32)
        history = np.ones((3, len(self.work.spec.terms)), np.float32)
        self.emit(Finished(variant, SynthesisResult(image, code, history, 1.5, history[-1], Ending.STEPS_DONE, 3)))


@dataclass(eq=False)
class ScriptedEngine:
    """The interface of `DeviceThread`; `warm` lets `start` return, `refusal` is what `submit` raises."""

    jobs: list[ScriptedJob] = field(default_factory=list)
    warm: threading.Event = field(default_factory=threading.Event)
    refusal: Exception | None = None
    batch_rows: int = 4
    limits: EngineLimits = field(default_factory=EngineLimits)
    drained: float | None = None
    on_drain: Callable[[], None] = lambda: None

    def start(self) -> None:
        assert self.warm.wait(100)

    def submit(self, work: Work, emit: Callable[[Event], None], deadline: float | None, standing: Standing) -> ScriptedJob:
        if self.refusal:
            raise self.refusal
        self.jobs.append(ScriptedJob(work, emit, deadline, standing))
        emit(Queued(0))
        return self.jobs[-1]

    def load(self) -> Load:
        own = ClientLoad(queued_jobs=2, running_jobs=1, clients_ahead=4, memory_bytes=6)
        return Load(queued_jobs=3, finished_jobs=5, memory_bytes=7, clients={"127.0.0.1": own})

    def drain(self, timeout_s: float) -> None:
        self.drained = timeout_s
        self.on_drain()

    async def job(self, index: int = 0) -> ScriptedJob:
        """Wait for a job to be submitted."""
        async with asyncio.timeout(100):
            while len(self.jobs) <= index:
                await asyncio.sleep(0.005)
        return self.jobs[index]

    async def job_of(self, ask: Callable[[float], Any]) -> tuple[Any, ScriptedJob]:
        """A call with so many seconds left, and its job: short ones, and longer where they ran out before the call came this far."""
        known = len(self.jobs)
        for seconds in (0.3, 3.0, 30.0):
            call = ask(seconds)
            while not call.done() and len(self.jobs) == known:
                await asyncio.sleep(0.005)
            if len(self.jobs) > known:
                return call, self.jobs[known]
        raise AssertionError("no call reached the engine")


@pytest.fixture
def engine() -> ScriptedEngine:
    scripted = ScriptedEngine()
    scripted.warm.set()
    return scripted


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(port=0, port_file=tmp_path / "port", drain_timeout_s=3)


@pytest.fixture
def request_() -> SynthesizeRequest:
    """The plainest request."""
    return SynthesizeRequest(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))]))


@pytest.fixture
def pixels() -> SynthesizePixelsRequest:
    """The plainest request for pixels."""
    return SynthesizePixelsRequest(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))]))


Read = Callable[..., SynthesisSpec]


@pytest.fixture
def read(tiny: Catalog) -> Read:
    """`read(request, max_steps=50)`: what the server makes of it, with these limits."""

    def read(message: Request, catalog: Catalog = tiny, **limits: int) -> SynthesisSpec:
        reader = Reader(catalog, Settings(**limits))
        return settled(request.pictured(reader, message, request.read(reader, message), decode_here))

    return read


@pytest.fixture
def violations(read: Read) -> Callable[..., dict[str, str]]:
    """`violations(request)`: what is wrong with an invalid one, by field."""

    def violations(message: Request, **limits: int) -> dict[str, str]:
        with pytest.raises(InvalidRequest) as caught:
            read(message, **limits)
        assert len({violation.field for violation in caught.value.violations}) == len(caught.value.violations)
        return {violation.field: violation.description for violation in caught.value.violations}

    return violations


@dataclass(eq=False)
class Serving:
    """A server that serves."""

    channel: grpc.aio.Channel
    app: App
    stop: asyncio.Event
    ended: "asyncio.Task[None]"


Serve = Callable[..., AbstractAsyncContextManager[Serving]]


@pytest.fixture
def serving(config: Settings, builder: Builder, engine: ScriptedEngine) -> Serve:
    """`async with serving() as server`: started, and drained at the end. Arguments replace the parts that tests vary."""

    @asynccontextmanager
    async def serving(config: Settings = config, engine: object = engine, pace: Pace = PACE, tracers: Any = None) -> AsyncIterator[Serving]:
        parts = app.assemble(config, builder, engine, "a test", time.monotonic())  # type: ignore[arg-type]
        parts = replace(parts, tracers=tracers, synthesis=replace(parts.synthesis, submitter=replace(parts.synthesis.submitter, pace=pace)))
        stop = asyncio.Event()
        ended = asyncio.ensure_future(serve.run(parts, stop))
        assert config.port_file
        async with asyncio.timeout(100):
            while not config.port_file.exists():
                await asyncio.sleep(0.005)
                assert not ended.done(), ended.exception()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{config.port_file.read_text().strip()}") as channel:
            yield Serving(channel, parts, stop, ended)
        stop.set()
        await ended

    return serving


@pytest.fixture(scope="session")
def index(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> ExemplarIndex:
    """The four strongest of a dozen photographs for most of the taps of `tiny`."""
    network = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(network, Network)
    images = image_set.find([photograph_folder(tmp_path_factory.mktemp("photographs"), 12)])
    wanted = indexing.plan(network, images, ["conv1", "conv2", "fc6", "fc8"], strongest=4)
    return indexing.build(network, images, wanted, tmp_path_factory.mktemp("indices") / "noise", progress=False)


@pytest.fixture(scope="session")
def indexed(tiny: Catalog, index: ExemplarIndex) -> Catalog:
    return replace(tiny, indices=Indices({"tiny": [index]}, {"tiny-res": ["the index old is of tiny-res with other weights"]}))
