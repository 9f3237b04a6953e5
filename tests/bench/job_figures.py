"""Figures of jobs: pictures of a job against as many requests at once, and against the bare lane; and what the store costs."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from dgnam_client import Client, local_server
from dgnam_server.jobs.claims import Claims, Drawn
from dgnam_server.jobs.database import Database, url_of
from dgnam_server.jobs.pictures import Pictures
from dgnam_server.jobs.plan import Picture, Plan, Setting
from dgnam_server.jobs.store import Limits, Store
from measuring import Bench, Figures
from service_figures import addresses, draw
from step_figures import advance, lane_of

T = TypeVar("T")
_SETTING = Setting("synthesize", b"", {})
_PNG_BYTES = 20_000  # about as many as a picture of 64 pixels has


def measure(bench: Bench) -> Figures:
    """Pictures per second of a job, of as many interactive requests, and of the bare lane with full batches; and the store's own time.

    `job_of_lane`: the part of the bare lane's rate that a job reaches, lane and job measured in turn; `job_times_interactive`: beside the
    loop of requests.
    """
    units, seeds = addresses(bench), itertools.count(0, 1000)
    settings = {"device": bench.device.type, "default_prior": bench.prior, "models": bench.packs, **bench.server_settings}
    settings |= {"queue_capacity": 1024, "client_queue_capacity": 1024}  # all requests at once
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(local_server(Path(folder), jobs=Path(folder) / "jobs", **settings))
        client = stack.enter_context(Client(server.address, synthesis_timeout=3600))
        rows = client.server_info().limits.max_batch_rows
        lane, part = lane_of(bench.models(), rows), max(1, bench.steps // 4)
        targets = [units[number % len(units)] for number in range(4 * rows)]
        advance(lane, 2)
        draw(client, targets, rows, 2)
        job_rates: list[float] = []
        bare, interactive, _ = bench.side_by_side(
            "a job",
            lambda: advance(lane, part),
            lambda: draw(client, targets, len(targets), bench.steps),
            lambda: job_rates.append(_job_rate(client, targets, bench.steps, next(seeds))),
        )
    lane_rates = [rows * part / bench.steps / seconds for seconds in bare]
    request_rates = [len(targets) / seconds for seconds in interactive]
    return {
        "lane_pictures_per_s": statistics.median(lane_rates),
        "interactive_pictures_per_s": statistics.median(request_rates),
        "job_pictures_per_s": statistics.median(job_rates),
        "job_of_lane": statistics.median(job / bare for job, bare in zip(job_rates, lane_rates, strict=True)),
        "job_times_interactive": statistics.median(job / one for job, one in zip(job_rates, request_rates, strict=True)),
        **_store(bench, rows),
    }


def _job_rate(client: Client, targets: list[str], steps: int, seed: int) -> float:
    """Pictures per second of a job of pictures that were never drawn, by the server's clock: watchers look once a second."""
    job = client.submit_job(sorted(set(targets)), seeds=-(-len(targets) // len(set(targets))), steps=steps, seed=seed)
    state = job.wait()
    assert state.done == state.pictures and state.finished_s is not None, state
    return state.done / (state.finished_s - state.created_s)


def _store(bench: Bench, rows: int) -> Figures:
    """Milliseconds of the store for each picture: submitted, claimed with a batch of others, and kept with them."""
    bench.progress("the store of jobs")
    count = 20 * rows
    with tempfile.TemporaryDirectory() as folder:
        database, pictures = Database(url_of(folder)), Pictures(f"{folder}/pictures")
        store, claims = Store(database, pictures, Limits(9, 9, 2**40)), Claims(database, pictures, "bench", 60)
        names = ("a:b:0", "a", "b", 0, "", "m", "p", 64, 64)
        plan = Plan([Picture(_SETTING, b"", seed, *names) for seed in range(count)], b"", "", "")
        submitted = _ms(lambda: store.submit(plan))
        claimed = kept = 0.0
        while True:
            taken, took = _timed(lambda: claims.take(rows, [_SETTING.digest]))
            if not taken:
                break
            claimed += took
            drawn = [Drawn(one.id, one.seed.to_bytes(8, "big") * (_PNG_BYTES // 8), b"", 0.0, None, 1) for one in taken]
            kept += _ms(lambda drawn=drawn: claims.finish(drawn))
        database.close()
    return {"job_submit_ms": submitted / count, "job_claim_ms": claimed / count, "job_keep_ms": kept / count}


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    value = call()
    return value, 1000 * (time.perf_counter() - started)


def _ms(call: Callable[[], object]) -> float:
    return _timed(call)[1]
