"""Soak: clients of all kinds use a server for a long time, while clients and servers are killed; then nothing may be lost or leaked.

`make soak ARGS="--minutes 60"`. It prints the load held, the faults survived, latencies and how memory grows, and fails on a lost request,
a wrong code or a leak. The models are tiny and random, so that what is tried is the server.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import journal
import report
import tiny_models
from crowd import Crowd
from dgnam_client import Client
from free_ports import free_port
from journal import Call
from lives import Server
from memory import Usage

_IDLE_S = 90.0  # that a server may take to be done with what clients have left


@dataclass(frozen=True)
class Plan:
    """What is done. Servers are ended in the first half, so that the last one lives long enough for its memory to tell something."""

    seconds: float
    clients: int
    client_kills: int
    server_kills: int
    seed: int = 0

    def faults(self) -> list[tuple[float, str]]:
        """(seconds from the beginning, "client" or "server"), in order."""
        chance = random.Random(self.seed)
        when = [(chance.uniform(0.05, 0.95) * self.seconds, "client") for _ in range(self.client_kills)]
        step = 0.5 * self.seconds / max(1, self.server_kills)
        when += [((number + chance.uniform(0.3, 0.7)) * step, "server") for number in range(self.server_kills)]
        return sorted(when)


@dataclass(frozen=True)
class Outcome:
    """What came of a soak."""

    plan: Plan
    calls: Sequence[Call]
    seconds: float
    killed: int
    stopped: int
    ends: Counter[str]
    usages: Sequence[Usage]
    problems: Sequence[str]


def run(plan: Plan, folder: Path) -> Outcome:
    """Carry out the plan; files go into `folder`."""
    pack = folder / "pack"
    pack.mkdir()
    server = Server(folder, tiny_models.write(pack), free_port())
    crowd = Crowd(folder, server.address, plan.seed)
    ends: Counter[str] = Counter()
    server.start()
    with _ended(server, crowd):
        first = Usage.of(server.running.process.pid)
        for _ in range(plan.clients):
            crowd.add()
        problems = crowd.awake()
        begun = time.monotonic()
        _harm(plan, server, crowd, ends)
        problems += crowd.finish()
        seconds = time.monotonic() - begun
        problems += _left(server, first)
        usages = list(server.watch.usages)
    calls = list(journal.read(crowd.journals))
    problems += server.problems + journal.wrong(calls, server.outages, crowd.killed) + report.leaks(usages)
    return Outcome(plan, calls, seconds, len(crowd.killed), crowd.stopped, ends, usages, problems)


def _harm(plan: Plan, server: Server, crowd: Crowd, ends: Counter[str]) -> None:
    """Until the time is over, do what the plan says. Time without a server does not count."""
    chance, begun = random.Random(plan.seed), time.monotonic()
    for when, what in plan.faults():
        time.sleep(max(0.0, begun + server.down_s + when - time.monotonic()))
        if what == "client":
            crowd.kill(chance, stop_s=chance.choice([0.0, 0.0, 3.0]))
        else:
            how = signal.SIGKILL if server.lives % 2 else signal.SIGTERM
            server.restart(how)
            ends["killed" if how is signal.SIGKILL else "drained"] += 1
    time.sleep(max(0.0, begun + server.down_s + plan.seconds - time.monotonic()))


def _left(server: Server, first: Usage | None) -> list[str]:
    """What a server still holds that has nothing to do any more."""
    with Client(server.address) as client:
        deadline = time.monotonic() + _IDLE_S
        while (load := client.load()).queued_jobs or load.running_jobs or load.lanes or load.memory_bytes:
            if time.monotonic() > deadline:
                return [f"leak: nobody asks for anything, and the server still holds {load}"]
            time.sleep(0.5)
    last = Usage.of(server.running.process.pid)
    if server.lives > 1 or first is None or last is None:
        return []
    problems = [f"leak: {last.files} open files, {first.files} at first"] * (last.files > first.files + 40)
    return problems + [f"leak: {last.threads} threads, {first.threads} at first"] * (last.threads > first.threads + 40)


@contextmanager
def _ended(server: Server, crowd: Crowd) -> Iterator[None]:
    try:
        yield
    finally:
        crowd.end()
        server.end(signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print what came of it; 1: something was lost, wrong or leaked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="clients at once (default: %(default)s)")
    parser.add_argument("--client-kills", type=int, metavar="N", help="default: 200 an hour")
    parser.add_argument("--server-kills", type=int, metavar="N", help="default: 20 an hour, at least one")
    parser.add_argument("--seed", type=int, default=0, help="other calls, other faults (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where logs and journals stay (default: nowhere)")
    given = parser.parse_args(arguments)
    client_kills = round(given.minutes * 200 / 60) if given.client_kills is None else given.client_kills
    server_kills = max(1, round(given.minutes * 20 / 60)) if given.server_kills is None else given.server_kills
    plan = Plan(given.minutes * 60, given.clients, client_kills, server_kills, given.seed)
    with tempfile.TemporaryDirectory(prefix="dgnam-soak-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = run(plan, folder)
    print("\n".join(report.lines(found)))
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
