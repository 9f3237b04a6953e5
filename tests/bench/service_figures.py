"""Figures of the whole service: a real server process, the real client, and gRPC between them."""

import math
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from dgnam_client import Client, LocalServer, Progress, Result, local_server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from measuring import Bench, Figures
from service_cost import Beside, settle
from step_figures import advance, lane_of, target_of

START_S = 300.0  # in which a server must have started, on a busy machine too
IMPORT = "import time; start = time.perf_counter(); from dgnam_client import Client; print(time.perf_counter() - start)"


def measure(bench: Bench) -> Figures:
    """Start-up and import times; throughput of 1 ... 64 different requests at once; latency of a lone request.

    `service_share`: what part of the throughput gRPC, client and engine cost together; see `Beside.cost`.
    """
    figures = {"client_import_s": client_import_s(bench), **start(bench)}
    units = addresses(bench)
    bench.progress("start-up")
    with serving(bench) as server, Client(server.address, synthesis_timeout=3600) as client:
        figures["batch_rows"] = client.server_info().limits.max_batch_rows
        draw(client, units, max(bench.sizes), 2)
        if "batch_rows" not in bench.server_settings:
            settle(bench, server)
        models, steps = bench.models(), bench.steps
        for size in bench.sizes:
            lane, part = lane_of(models, size), math.ceil(steps / 4)
            advance(lane, 2)
            draw(client, units, size, 2)
            beside = Beside(server, partial(advance, lane, part), part, partial(draw, client, units, size, steps), steps)
            seconds, costs = beside.cost(bench, f"{size} requests", bench.repeats)
            figures |= {f"service_{name}_{size}": cost for name, cost in costs.items()}
            figures[f"grpc_ms_per_row_step_{size}"] = 1000 * seconds / size / steps
            figures[f"pictures_per_s_{size}"] = size / seconds
        figures |= lone(bench, client, units[0])
    return figures


def start(bench: Bench) -> Figures:
    """Seconds from the start of a server's process until its port answers health, until it serves, until a picture of one step is there.

    Nothing is kept from start to start.
    """
    bench.progress("start-up")
    times: dict[str, list[float]] = {"start_port_s": [], "start_s": [], "start_picture_s": []}
    unit, port = addresses(bench)[0], free_port()
    for _ in range(bench.repeats):
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=(("grpc.max_reconnect_backoff_ms", 50),)) as channel:
            began = time.perf_counter()
            with ThreadPoolExecutor(1) as answering:
                answered = answering.submit(first_answer, channel)
                with serving(bench, port=port) as server, Client(server.address, synthesis_timeout=3600) as client:
                    times["start_s"].append(time.perf_counter() - began)
                    client.synthesize(unit, steps=1)
                    times["start_picture_s"].append(time.perf_counter() - began)
                times["start_port_s"].append(answered.result() - began)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def first_answer(channel: grpc.Channel) -> float:
    """When health was first answered, by `time.perf_counter`."""
    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=START_S)
    return time.perf_counter()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lone(bench: Bench, client: Client, unit: str) -> Figures:
    """Seconds of a request that has the server to itself: until its first progress, and in all."""
    bench.progress("a lone request")
    firsts, totals = [], []
    for _ in range(bench.repeats):
        started = time.perf_counter()
        first = None
        for event in client.stream(unit, steps=bench.steps):
            if first is None and isinstance(event, Progress):
                first = time.perf_counter() - started
        totals.append(time.perf_counter() - started)
        firsts.append(totals[-1] if first is None else first)
    return {"lone_first_progress_s": statistics.median(firsts), "lone_s": statistics.median(totals)}


def client_import_s(bench: Bench) -> float:
    """Seconds of `from dgnam_client import Client` in a fresh interpreter."""
    bench.progress("client import")
    times = [float(subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True).stdout) for _ in range(5)]
    return statistics.median(times)


@contextmanager
def serving(bench: Bench, **more: Any) -> Iterator[LocalServer]:
    """A server on the bench's models and device, with `more` settings."""
    settings = {"device": bench.device.type, "default_prior": bench.prior, "models": bench.packs, **bench.server_settings, **more}
    with tempfile.TemporaryDirectory() as folder, local_server(Path(folder), timeout=START_S, **settings) as server:
        yield server


def addresses(bench: Bench) -> list[str]:
    """The output units of the prior's encoder, as a client names them."""
    network = target_of(bench.models())
    return [f"{network.name}:{network.card.output_tap}:{index}" for index in range(len(network.card.labels))]


def draw(client: Client, units: list[str], count: int, steps: int, **options: Any) -> None:
    """`count` different requests at once."""
    targets = [units[i % len(units)] for i in range(count)]
    results = client.synthesize_many(targets, steps=steps, concurrency=count, **options)
    assert all(isinstance(result, Result) for result in results)
