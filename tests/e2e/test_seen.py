"""A running server seen from outside: its metrics and its log, and what a client can look up there."""

import os
import re
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from dgnam_client import DeadlineExceededError, DgnamError

one_server = pytest.mark.skipif("TEST_RAY" in os.environ, reason="a front counts calls; what batches do, its replicas know")


def metrics(server: Any) -> dict[str, float]:
    """What Prometheus would read, by sample."""
    address = re.search(r"metrics on (http://\S+)", server.running.log.read_text())
    assert address
    with urllib.request.urlopen(address[1], timeout=30) as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def growth(before: dict[str, float], after: dict[str, float]) -> Callable[[str], float]:
    """By how much a sample has grown."""
    return lambda name: after[name] - before.get(name, 0)


def test_metrics_of_calls(server: Any) -> None:
    call = 'grpc_method="Synthesize",grpc_service="dgnam.v1.SynthesisService"'
    before = metrics(server)
    with server.client() as client:
        client.synthesize("tiny:fc8:lemon", steps=7, variants=2)
        with pytest.raises(DgnamError):
            client.synthesize("tiny:fc8:nobody")
    assert server.idle()
    deadline, ended = time.monotonic() + 60, f"grpc_server_handling_seconds_count{{{call}}}"
    while (grown := growth(before, metrics(server)))(ended) < 2:  # the caller may hear a call's end before it is counted
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert grown(f"grpc_server_started_total{{{call}}}") == 2
    assert grown('grpc_server_handled_total{grpc_code="OK",' + call + "}") == 1
    assert grown('grpc_server_handled_total{grpc_code="NOT_FOUND",' + call + "}") == 1
    assert grown(f"grpc_server_handling_seconds_count{{{call}}}") == 2


@one_server
def test_metrics_of_work(server: Any) -> None:
    before = metrics(server)
    with server.client() as client:
        client.synthesize("tiny:fc8:lemon", steps=7, variants=2)
    assert server.idle()
    after = metrics(server)
    grown = growth(before, after)
    assert grown("dgnam_row_steps_total") >= 14 and grown("dgnam_step_seconds_count") >= 7
    assert grown('dgnam_jobs_total{state="finished"}') == grown("dgnam_job_wait_seconds_count") == 1
    assert grown('dgnam_job_seconds_count{state="finished"}') == 1
    assert after["dgnam_queued_jobs"] == after["dgnam_running_jobs"] == after["dgnam_memory_bytes"] == 0
    assert after["dgnam_memory_limit_bytes"] > 2**26 and after["process_resident_memory_bytes"] > 2**26
    assert after['dgnam_model_load_seconds{model="tiny"}'] > 0


@one_server
def test_lanes_while_they_run(server: Any) -> None:
    with server.client() as client:
        stream = client.stream("tiny:fc8:lemon", steps=2000, variants=3)
        for _ in range(3):  # queued, started, and some progress
            next(stream)
        now = metrics(server)
        stream.close()
    lane = "tiny-prior > tiny:fc8, none"
    assert now[f'dgnam_lane_rows{{lane="{lane}",state="running"}}'] == 3
    assert now[f'dgnam_lane_bytes{{lane="{lane}"}}'] > 0
    assert server.idle()


@pytest.mark.usefixtures("heard_first")
def test_an_error_finds_its_line_in_the_log(server: Any) -> None:
    with server.client() as client, pytest.raises(DeadlineExceededError) as late:
        client.synthesize("tiny:fc8:lemon", steps=2000, variants=8, timeout=0.2)
    deadline = time.monotonic() + 60
    while not (lines := [line for line in server.running.log.read_text().splitlines() if f"[{late.value.request_id}]" in line]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert re.search(r"INFO dgnam\.v1\.SynthesisService/Synthesize: CANCELLED to 127\.0\.0\.1 after \d", lines[-1])
    assert server.idle()
