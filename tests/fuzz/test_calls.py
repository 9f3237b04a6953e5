"""Every call of the server, in this process and without sockets: whatever bytes come, a status of the contract goes out.

The engine is full, so that what is tried is all that happens before a request waits; tests/e2e/fuzz goes further, and is slower.
"""

import asyncio
import random
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
import storm
from dgnam_proto.v1.analysis_pb2 import (
    ActivationsRequest,
    ExemplarsRequest,
    GetFiltersRequest,
    OccludeRequest,
    Place,
    ProjectRequest,
    TransformRequest,
)
from dgnam_proto.v1.search_pb2 import AskRequest, CreateSearchRequest, GetSearchRequest, Score, TellRequest
from dgnam_proto.v1.synthesis_pb2 import DrawRequest, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import Array, Target, Term, Unit
from dgnam_server import app
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.load import EngineLimits, Load, Overloaded
from dgnam_server.rpc import serve
from dgnam_server.rpc.door import Door, Width
from dgnam_server.rpc.gate import Gate
from dgnam_server.settings import Settings
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from grpc import aio
from hypothesis import settings
from picture_files import claiming, noise, of_many_scans

NAMES = ["tiny", "tiny", "tiny-res", "tiny-prior", "fc8", "fc8", "fc6", "conv2", "conv3", "lemon", "teapot", "dgn-am", "ppgn", "pyramid"]
NAMES += ["steps", "decay", "tv_weight", "start_draws", "levels", "genetic", "cma", "population", "deconvnet", "grad-cam", "fuzzed"]
FILES = [struct.pack("<24f", *[0.5] * 24), struct.pack("<7f", *[1.0] * 7), b"\x00\x00\xc0\x7f" * 24, b""]
FILES += [noise(20, 20), noise(32, 32, "JPEG"), of_many_scans(32, 32, 100), claiming(5000, 5000), claiming(32, 32)]
WORDS = storm.Words(NAMES, FILES)
UNIT = Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))])
CODES = Array(shape=[24], data=FILES[0])
PLACE = Place(model="tiny", tap="fc8")
REQUESTS = [  # that are right
    SynthesizeRequest(target=UNIT, prior="tiny-prior"),
    SynthesizePixelsRequest(target=UNIT),
    DrawRequest(prior="tiny-prior", codes=CODES),
    ActivationsRequest(images=[FILES[4]], places=[PLACE]),
    ProjectRequest(images=[FILES[5]], place=PLACE, enlarge=True),
    OccludeRequest(images=[FILES[5]], places=[Place(model="tiny")]),
    TransformRequest(images=[FILES[5]], places=[Place(model="tiny")], rotations=[90.0]),
    ExemplarsRequest(place=Place(model="tiny", tap="fc8", index=2), count=2),
    GetFiltersRequest(model="tiny"),
    CreateSearchRequest(name="fuzzed", prior="tiny-prior", optimizer="genetic"),
    AskRequest(name="fuzzed"),
    TellRequest(name="fuzzed", scores=[Score(picture=0, values=[1.0])]),
    GetSearchRequest(name="fuzzed"),
]
RIGHT = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED"}


class Full:
    """An engine that takes nothing."""

    limits, batch_rows = EngineLimits(), 4

    def submit(self, *_: object) -> None:
        raise Overloaded(1.0)

    def load(self) -> Load:
        return Load()


class Services:
    """Stands where a gRPC server would, and keeps what is added to it: handlers by path."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, _: object) -> None:
        """What older generated code calls alone."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self.handlers.update({f"/{service}/{method}": handler for method, handler in handlers.items()})


class Context:
    """A call that brings these bytes; `code` is what it ends with."""

    def __init__(self, data: bytes) -> None:
        self._data, self.code, self.details = [data], "OK", ""

    async def read(self) -> Any:
        return self._data.pop() if self._data else aio.EOF  # type: ignore[attr-defined]

    async def write(self, _: object) -> None:
        pass

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: object = ()) -> None:
        self.code, self.details = code.name, details
        raise aio.AbortError

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def auth_context(self) -> dict[str, Any]:
        return {}

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def time_remaining(self) -> None:
        return None

    def add_done_callback(self, _: object) -> None:
        pass


@pytest.fixture
def parts(builder: Builder, tmp_path: Path) -> app.App:
    limits = Settings(state_dir=tmp_path / "state", max_searches=20)
    made = app.assemble(limits, builder, Full(), "a test", time.monotonic())  # type: ignore[arg-type]
    made.ready.set()
    return made


def _message(chance: random.Random, kind: Descriptor) -> Message:
    right = next((one for one in REQUESTS if kind is one.DESCRIPTOR), None)
    return storm.spoiled(chance, right, WORDS) if right is not None and chance.random() < 0.6 else storm.message(chance, kind, WORDS)


def test_any_bytes_get_a_right_answer(parts: app.App) -> None:
    """`make fuzz` sends more than a hundred thousand."""
    services, count = Services(), 13 * settings().max_examples
    serve.add_services(parts, services)  # type: ignore[arg-type]
    gate, door = Gate(parts.settings, parts.pools), Door(Width(1000, parts.settings.max_request_bytes, 1000))
    calls = {path: gate._served(path, handler, door) for path, handler in services.handlers.items()}
    chance, codes, wrong = random.Random(0), Counter[str](), []

    async def send(path: str, data: bytes) -> None:
        context = Context(data)
        try:
            async with asyncio.timeout(60):
                await calls[path](None, context)
        except aio.AbortError:
            pass
        except BaseException as error:
            context.code, context.details = type(error).__name__, repr(error)
        codes[context.code] += 1
        if context.code not in RIGHT:
            wrong.append(f"{path}: {context.code} {context.details}: {data!r}"[:2000])

    async def storming() -> None:
        for number in range(count):
            if number % 5000 == 4999:
                print(f"{number + 1} of {count} messages: {dict(codes)}", file=sys.stderr, flush=True)
            path = list(calls)[number % len(calls)]
            data = _message(chance, descriptor_pool.Default().FindMethodByName(path[1:].replace("/", ".")).input_type).SerializeToString()
            await send(path, storm.mutated(chance, data) if chance.random() < 0.2 else data)
        await parts.pools.close()

    asyncio.run(storming())
    parts.search.searches.close()
    print(f"{codes.total()} messages: {dict(codes)}")
    assert not wrong, wrong[:5]
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"} <= codes.keys(), "some get far, some do not"
