"""Figures of many machines, as far as one tells: two replicas against one, and what the front costs beside a server without."""

import statistics
import tempfile
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from dgnam_client import Client, local_server
from measuring import Bench, Figures
from service_figures import addresses, draw

_START_S = 900.0  # Ray's own start is not what is measured


def measure(bench: Bench) -> Figures:
    """Pictures per second of as many requests of one lane by a plain server, one replica and two; nothing where Ray is missing.

    `two_replicas_times_one` is what a second replica brings, `one_replica_of_server` what is left of a server's speed behind a front. On a
    GPU each replica has one of its own. On a processor each server and replica has half of the cores, so that two replicas have as much
    beside them as one: whether a machine with twice as much gives twice as much. All are asked in turn.
    """
    if find_spec("ray") is None:
        return {}
    if bench.device.type == "cuda" and torch.cuda.device_count() < 2:
        bench.progress("two replicas need two GPUs")
        return {}
    units = addresses(bench)
    half = max(1, torch.get_num_threads() // 2)
    with ExitStack() as stack:
        clients = [
            _client(bench, stack, threads=half, **more) for more in ({}, {"ray": "local", "replicas": 1}, {"ray": "local", "replicas": 2})
        ]
        rows = clients[0].server_info().limits.max_batch_rows
        count = 4 * rows
        for client in clients:
            draw(client, units, count, 2)
        times = bench.side_by_side("replicas", *(lambda client=client: draw(client, units, count, bench.steps) for client in clients))
    plain, one, two = ([count / seconds for seconds in each] for each in times)
    return {
        "server_pictures_per_s": statistics.median(plain),
        "one_replica_pictures_per_s": statistics.median(one),
        "two_replicas_pictures_per_s": statistics.median(two),
        "one_replica_of_server": statistics.median(x / y for x, y in zip(one, plain, strict=True)),
        "two_replicas_times_one": statistics.median(x / y for x, y in zip(two, one, strict=True)),
    }


def _client(bench: Bench, stack: ExitStack, **more: Any) -> Client:
    """A client of a server, or of replicas, that runs until the stack is left; once all of it is ready."""
    settings = {"device": bench.device.type, "default_prior": bench.prior, "models": bench.packs, **bench.server_settings, **more}
    settings |= {"queue_capacity": 1024, "client_queue_capacity": 1024, "max_batch_rows": bench.server_settings.get("max_batch_rows", 16)}
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    server = stack.enter_context(local_server(folder, timeout=_START_S, state_dir=folder / "state", **settings))
    while server.log.read_text().count(" is ready at ") < more.get("replicas", 0):
        assert server.process.poll() is None, server.log.read_text()
        time.sleep(0.2)
    return stack.enter_context(Client(server.address, synthesis_timeout=3600))
