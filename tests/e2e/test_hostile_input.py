"""What goes wrong in practice, against a real server process: the right error, all its details, the server alive, no row left."""

import io
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import pytest
from dgnam_client import (
    CallCancelledError,
    Client,
    DeadlineExceededError,
    DgnamError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    Result,
    Started,
    UnavailableError,
)
from PIL import Image

LEMON = "tiny:fc8:lemon"
LONG = {"steps": 2000}


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with server.client() as opened:
        yield opened
    assert server.idle(), "rows leaked"
    with server.client() as after:
        assert isinstance(after.synthesize(LEMON, steps=1), Result), "the server no longer serves"


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "orange").save(stream, kind)
    return stream.getvalue()


def noise(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


UNKNOWN = [
    ("nobody:fc8:lemon", "nobody", "there are"),
    ("tiny:fc9:lemon", "fc9", "did you mean fc8"),
    ("tiny:fc8:lemmon", "lemmon", "did you mean lemon"),
]


@pytest.mark.parametrize(("address", "name", "message"), UNKNOWN)
def test_unknown_names_are_not_found_and_the_nearest_are_named(client: Client, address: str, name: str, message: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        client.synthesize(address)
    assert name in refused.value.resource_name
    assert message in str(refused.value)


INVALID: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"target": "tiny:fc8:7"}, {"target.terms[0].unit.index": "between 0 and 6"}),
    ({"target": "tiny:conv3:2@9,0"}, {"target.terms[0].unit.position.y": "between 0 and"}),
    ({"target": "tiny:fc8:2@0,0"}, {"target.terms[0].unit.position": "fully connected"}),
    ({"start_learning_rate": math.nan}, {"options.start_learning_rate": "between 0 and"}),
    (
        {"start_learning_rate": -0.5, "end_learning_rate": math.inf},
        {"options.start_learning_rate": "-0.5", "options.end_learning_rate": "inf"},
    ),
    ({"steps": 0}, {"options.steps": "between 1 and 2000"}),
    ({"steps": 1_000_000}, {"options.steps": "between 1 and 2000"}),
    (
        {"decay": 1.5, "bound_multiplier": -1.0, "steps": 0},
        {"options.decay": "1.5", "options.bound_multiplier": "-1", "options.steps": "0"},
    ),
    ({"start": picture(1, 1)}, {"start_image": "16"}),
    ({"start": picture(8000, 8000)}, {"start_image": "pixels"}),
    ({"start": noise(64, 64)[:2000]}, {"start_image": ""}),
    ({"start": b"not a picture"}, {"start_image": ""}),
    ({"start": np.zeros(7, np.float32)}, {"start_code.shape": "[24]"}),
    ({"start": np.full(24, np.nan, np.float32)}, {"start_code.data": ""}),
    ({"target": {LEMON: 1.0, "tiny:fc8:2": -1.0}}, {"target.terms[1]": "target.terms[0]"}),
    ({"variants": 1000}, {"variants": "between 1 and"}),
    ({"seed": 2**63}, {"seed": "9223372036854775806"}),
]


@pytest.mark.parametrize(("options", "violations"), INVALID, ids=lambda value: ",".join(value) if isinstance(value, dict) else None)
def test_invalid_fields_are_refused_all_at_once(client: Client, options: dict[str, Any], violations: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        client.synthesize(options.pop("target", LEMON), **options)
    told = dict(refused.value.violations)
    assert set(told) == set(violations)
    for field, words in violations.items():
        assert words in told[field]


def test_an_empty_target_is_refused(client: Client) -> None:
    import grpc
    from dgnam_proto.v1 import synthesis_pb2, synthesis_pb2_grpc

    with grpc.insecure_channel(client.server.removeprefix("grpc://")) as channel, pytest.raises(grpc.RpcError) as refused:
        list(synthesis_pb2_grpc.SynthesisServiceStub(channel).Synthesize(synthesis_pb2.SynthesizeRequest()))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "target.terms: a target needs at least one term" in refused.value.details()


def test_a_client_that_leaves_frees_its_rows(client: Client, server: Any) -> None:
    events = client.stream(LEMON, variants=8, **LONG)
    assert any(isinstance(event, Started) for event in events)
    events.close()
    assert server.idle()


def test_a_client_that_is_killed_frees_its_rows(client: Client, server: Any) -> None:
    program = f"from dgnam_client import Client; Client({server.address!r}).synthesize({LEMON!r}, variants=8, steps=2000)"
    process = subprocess.Popen([sys.executable, "-c", program])
    while not client.load().running_jobs:
        assert process.poll() is None
        time.sleep(0.05)
    assert client.load().running_jobs == 1
    process.kill()
    process.wait()
    assert server.idle()


def test_a_deadline_of_a_millisecond(client: Client) -> None:
    for _ in range(20):
        with pytest.raises(DeadlineExceededError):
            client.synthesize(LEMON, timeout=0.001, **LONG)


@pytest.mark.usefixtures("heard_first")
def test_a_deadline_while_running_says_how_far_it_came(client: Client) -> None:
    with pytest.raises(DeadlineExceededError) as late:
        client.synthesize(LEMON, variants=8, timeout=0.5, **LONG)
    assert "running" in str(late.value)


def test_five_hundred_requests_at_once_against_a_small_queue(client: Client, server: Any) -> None:
    def ask(number: int) -> Result | DgnamError:
        try:
            result = client.synthesize(f"tiny:fc8:{number % 7}", seed=number, steps=20)
            assert isinstance(result, Result)
            return result
        except DgnamError as error:
            return error

    with ThreadPoolExecutor(100) as pool:
        outcomes = list(pool.map(ask, range(500)))
    refused = [outcome for outcome in outcomes if isinstance(outcome, OverloadedError)]
    drawn = [outcome for outcome in outcomes if isinstance(outcome, Result)]
    assert len(refused) + len(drawn) == 500, {type(outcome).__name__ for outcome in outcomes}
    assert refused, "the queue of 16 never filled up"
    assert len(drawn) >= 24
    assert all(error.retry_after_s and error.retry_after_s > 0 for error in refused)
    assert server.idle()


def test_sigterm_lets_running_work_finish(start_server: Any) -> None:
    server = start_server(drain_timeout_s=60)
    with server.client() as client:
        events = client.stream(LEMON, steps=400)
        assert any(isinstance(event, Started) for event in events)
        server.process.send_signal(signal.SIGTERM)
        with server.client() as late, pytest.raises(UnavailableError):
            list(map(partial(late.synthesize, steps=1), repeat(LEMON)))  # until it has heard the signal
        assert isinstance(list(events)[-1], Result)
    assert server.process.wait(100) == 0


def test_sigterm_ends_what_takes_too_long(start_server: Any) -> None:
    server = start_server(drain_timeout_s=0.2)
    with server.client() as client:
        events = client.stream(LEMON, variants=32, **LONG)
        assert any(isinstance(event, Started) for event in events)
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises((UnavailableError, CallCancelledError)) as ended:
            list(events)
    assert isinstance(ended.value, UnavailableError)
    assert server.process.wait(100) == 0
