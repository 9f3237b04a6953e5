"""Figures of a server under attack: how long another client's picture takes meanwhile, and what memory the server comes to.

The attacks are those of a hostile client that the server has been held against; `tests/e2e/test_attacks.py` tests that each is refused
or bounded. They run in a process of their own, on the same machine, whose processor time they share.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import attacks
from dgnam_client import Client, LocalServer, Result
from measuring import Bench, Figures
from service_figures import addresses, serving

TOKEN = "the-other-clients"
BEGUN_S = 300.0  # in which an attack must have begun


def measure(bench: Bench) -> Figures:
    """For each attack: `attack_NAME_latency_ratio`, the median time of another client's picture over that without an attack just before;
    `_worst_ratio`, the longest such time; `_mib`, the memory that the server's processes came to have more than before.
    """
    figures: dict[str, float] = {}
    unit = addresses(bench)[0]
    with tempfile.NamedTemporaryFile("w") as tokens:
        tokens.write(f"{TOKEN}\n{attacks.TOKEN}\n")
        tokens.flush()
        with (
            serving(bench, token_file=tokens.name, only=[unit.partition(":")[0], bench.prior]) as server,
            Client(server.address, token=TOKEN, synthesis_timeout=600) as client,
        ):
            latencies(client, unit, bench, 1.0)
            for name in attacks.ATTACKS:
                figures |= under_attack(bench, name, server, client, unit)
                wait_until_idle(client)
    return figures


def under_attack(bench: Bench, name: str, server: LocalServer, client: Client, unit: str) -> dict[str, float]:
    """The figures of one attack."""
    pid = server.process.pid
    bench.progress(f"before the attack of {name}")
    quiet, before = statistics.median(latencies(client, unit, bench, bench.watch_s)), memory_mib(pid)
    bench.progress(f"the attack of {name}")
    with attacked(name, server.address, unit):
        times, most = [], before
        ends = time.perf_counter() + 2 * bench.watch_s
        while not times or time.perf_counter() < ends:
            times += latencies(client, unit, bench, 0.5)
            most = max(most, memory_mib(pid))
    ratios = {"latency_ratio": statistics.median(times) / quiet, "worst_ratio": max(times) / quiet}
    return {f"attack_{name}_{figure}": value for figure, value in (ratios | {"mib": most - before}).items()}


def wait_until_idle(client: Client) -> None:
    """Until the server is done with what an attacker has left."""
    ends = time.perf_counter() + BEGUN_S
    while (load := client.load()).running_jobs or load.queued_jobs:
        assert time.perf_counter() < ends, f"still busy: {load}"
        time.sleep(0.2)


def latencies(client: Client, unit: str, bench: Bench, seconds: float) -> list[float]:
    """The times of one picture after another of few steps, drawn for `seconds`."""
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while not times or time.perf_counter() < ends:
        started = time.perf_counter()
        assert isinstance(client.synthesize(unit, steps=max(2, bench.steps // 10), seed=len(times)), Result)
        times.append(time.perf_counter() - started)
    return times


@contextmanager
def attacked(name: str, address: str, unit: str) -> Iterator[None]:
    """An attack goes on, in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    begun: Event = spawn.Event()
    attacker = spawn.Process(target=attacks.attack, args=(name, address, unit, begun), daemon=True)
    attacker.start()
    try:
        assert begun.wait(BEGUN_S), f"the attack of {name} did not begin"
        yield
    finally:
        attacker.kill()
        attacker.join()


def memory_mib(pid: int) -> float:
    """The memory that a process and its children hold now; 0 where the system does not tell."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
    return total / 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
