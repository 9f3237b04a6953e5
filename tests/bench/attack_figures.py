"""Figures of a server under attack: how long another client's picture takes meanwhile, and what memory the server comes to.

The attacks are those of a hostile client that the server has been held against; `tests/e2e/test_attacks.py` tests that each is refused
or bounded. They run in a process of their own, on the same machine. What its calls in a loop take of the processors is no doing of the
server's, so what other processes cost that take as much and send nothing is measured beside it.
"""

import math
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import attacks
from dgnam_client import Client, LocalServer, Result
from measuring import Bench, Figures
from service_figures import addresses, serving

TOKEN = "the-other-clients"
BEGUN_S = 300.0  # in which an attack must have begun
LEFT_S = 60.0  # in which memory must have been given back
LEAST_PART = 0.02  # of a processor: less is not worth a process that takes as much


def measure(bench: Bench) -> Figures:
    """For each attack, the median time of another client's picture over that just before:

    `attack_NAME_burst_ratio` while each caller's one call is answered, `_loop_ratio` while all call again and again, `_control_ratio` while
    processes take as much processor time as the attackers did and send nothing, and `_added_ratio`, the loop's over the control's.
    `_mib`: the memory that the server's processes came to have more than before.

    `attack_left_mib` is what they still have more than at first a minute after the last attack at most, and `attack_limit_mib` what
    requests, rows and results may hold.
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
            first = memory_mib(server.process.pid)
            for name in bench.attacks or attacks.ATTACKS:
                figures |= under_attack(bench, name, server, client, unit)
            bench.progress("memory after the attacks")
            figures["attack_limit_mib"] = client.server_info().limits.max_memory_bytes / 2**20
            figures["attack_left_mib"] = left_mib(server.process.pid, first)
    return figures


def under_attack(bench: Bench, name: str, server: LocalServer, client: Client, unit: str) -> dict[str, float]:
    """The figures of one attack."""
    pid, watch_s = server.process.pid, bench.watch_s
    bench.progress(f"before the attack of {name}")
    quiet, before = statistics.median(latencies(client, unit, bench, watch_s)), memory_mib(pid)
    most = before

    def ratio(going_on: Callable[[], bool]) -> float:
        nonlocal most
        times, ends = [], time.perf_counter() + watch_s
        while not times or (going_on() and time.perf_counter() < ends):
            times += latencies(client, unit, bench, 0.0)
            most = max(most, memory_mib(pid))
        return statistics.median(times) / quiet

    bench.progress(f"the attack of {name}, once")
    with beside(attacks.attack, name, server.address, unit, once=True) as attacker:
        burst = ratio(attacker.is_alive)
    wait_until_idle(client)
    bench.progress(f"the attack of {name}, again and again")
    with beside(attacks.attack, name, server.address, unit, once=False) as attacker:
        started, used = time.perf_counter(), processor_s(attacker)
        loop = ratio(attacker.is_alive)
        part = (processor_s(attacker) - used) / (time.perf_counter() - started)
    wait_until_idle(client)
    bench.progress(f"as much processor time as the attack of {name}")
    with burning(part):
        control = ratio(lambda: True)
    found = {"burst_ratio": burst, "loop_ratio": loop, "control_ratio": control, "added_ratio": loop / control, "mib": most - before}
    return {f"attack_{name}_{figure}": value for figure, value in found.items()}


def left_mib(pid: int, first: float) -> float:
    """What the processes have more than at first once they have given back what they do, within LEFT_S."""
    ends = time.perf_counter() + LEFT_S
    left = memory_mib(pid) - first
    while left > 0 and time.perf_counter() < ends:
        time.sleep(1.0)
        left = min(left, memory_mib(pid) - first)
    return left


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
def beside(work: Callable[..., None], *values: object, **named: object) -> Iterator[SpawnProcess]:
    """Something goes on in a process of its own, which hears by its argument `begun` how to say that it has begun."""
    spawn = multiprocessing.get_context("spawn")
    begun: Event = spawn.Event()
    process = spawn.Process(target=work, args=values, kwargs={**named, "begun": begun}, daemon=True)
    process.start()
    try:
        assert begun.wait(BEGUN_S), f"{work.__name__}{values} did not begin"
        yield process
    finally:
        process.kill()
        process.join()


@contextmanager
def burning(part: float) -> Iterator[None]:
    """Processes take this part of a processor together; of several, where it is more than one."""
    count = math.ceil(part) if part >= LEAST_PART else 0
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(beside(attacks.burn, part / count))
        yield


def processor_s(process: SpawnProcess) -> float:
    """Seconds of processor time that a process has taken; 0 where the system does not tell, or it has ended."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
