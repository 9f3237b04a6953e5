"""Figures of a server under attack: how long another client's picture takes meanwhile, and what memory the server comes to.

The attacks are those of a hostile client that the server has been held against; `tests/e2e/test_attacks.py` tests that each is refused
or bounded. They run in a process of their own, on the same machine. What its calls in a loop take of the processors is no doing of the
server's, so what other processes cost that take as much and send nothing is measured beside it.

A machine's speed drifts, so quiet, attack and the others take turns, several times, and a turn is compared with the quiet ones just before
and after it.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import attacks
from dgnam_client import Client, LocalServer, Result
from measuring import Bench, Figures
from service_figures import addresses, serving
from side_processes import beside, burning, memory_mib, processor_s

TOKEN = "the-other-clients"
IDLE_S = 300.0  # in which the server must be done with what an attacker has left
LEFT_S = 60.0  # in which memory must have been given back
TURN = 0.3  # of the time that an attack is watched again and again: how long the other turns are


@dataclass(frozen=True)
class Round:
    """The median seconds of a picture in each turn.

    Attributes:
        quiet: of the turns before and after the others, the mean.
        part: of a processor, that the attackers took in the loop.
    """

    quiet: float
    burst: float
    loop: float
    control: float
    part: float


def measure(bench: Bench) -> Figures:
    """For each attack, the time of another client's picture:

    `attack_NAME_quiet_ms` on a quiet server, `_burst_ms` while each caller's one call is answered, `_loop_ms` while all call again and
    again, and `_control_ms` while processes take as much processor time as the attackers did, `_part` of a processor, and send nothing.
    `_burst_ratio`, `_loop_ratio` and `_control_ratio` are these over quiet, and `_added_ratio` the loop's over the control's: of each
    round of turns, then the median. `_quiet_spread_ratio` is the longest quiet time over the shortest: where it is far from 1, the machine
    was not quiet and the others tell little. `_mib`: the memory that the server's processes came to have more than before.

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
                figures |= UnderAttack(bench, name, server, client, unit).figures()
            bench.progress("memory after the attacks")
            figures["attack_limit_mib"] = client.server_info().limits.max_memory_bytes / 2**20
            figures["attack_left_mib"] = left_mib(server.process.pid, first)
    return figures


@dataclass
class UnderAttack:
    """One attack on a server, and another client of it that draws a unit; `most_mib` is the most memory that the server had."""

    bench: Bench
    name: str
    server: LocalServer
    client: Client
    unit: str
    most_mib: float = field(default=0.0, init=False)

    def figures(self) -> dict[str, float]:
        """What the attack costs; the names without units are those of `measure`."""
        before = memory_mib(self.server.process.pid)
        quiets, rounds = [self._quiet()], []
        for number in range(self.bench.repeats):
            self.bench.progress(f"the attack of {self.name}, {number + 1} of {self.bench.repeats}")
            burst, (loop, part) = self._burst(), self._loop()
            control = self._control(part)
            quiets.append(self._quiet())
            rounds.append(Round(statistics.mean(quiets[-2:]), burst, loop, control, part))
        found = {**compared(rounds), "quiet_spread_ratio": max(quiets) / min(quiets), "mib": self.most_mib - before}
        return {f"attack_{self.name}_{figure}": value for figure, value in found.items()}

    def _quiet(self) -> float:
        return self._watched(lambda: True, TURN)

    def _burst(self) -> float:
        with beside("attacks.py", self.name, self.server.address, self.unit, "once") as attacker:
            found = self._watched(lambda: attacker.poll() is None, TURN)
        wait_until_idle(self.client)
        return found

    def _loop(self) -> tuple[float, float]:
        with beside("attacks.py", self.name, self.server.address, self.unit) as attacker:
            started, used = time.perf_counter(), processor_s(attacker)
            found = self._watched(lambda: attacker.poll() is None, 1.0)
            part = (processor_s(attacker) - used) / (time.perf_counter() - started)
            assert attacker.poll() is None, "the attack ended by itself"
        wait_until_idle(self.client)
        return found, part

    def _control(self, part: float) -> float:
        with burning(part, attacks.ATTACKS[self.name].copied_mib):
            return self._watched(lambda: True, TURN)

    def _watched(self, going_on: Callable[[], bool], turn: float) -> float:
        """The median time of a picture, one after another while it is going on, for this part of the time that an attack is watched."""
        times: list[float] = []
        ends = time.perf_counter() + turn * self.bench.watch_s
        while not times or (going_on() and time.perf_counter() < ends):
            times += latencies(self.client, self.unit, self.bench, 0.0)
            self.most_mib = max(self.most_mib, memory_mib(self.server.process.pid))
        return statistics.median(times)


def compared(rounds: Sequence[Round]) -> dict[str, float]:
    """The figures of one attack that are medians over its rounds."""

    def median(of: Callable[[Round], float]) -> float:
        return statistics.median(map(of, rounds))

    return {
        "quiet_ms": 1000 * median(lambda one: one.quiet),
        "burst_ms": 1000 * median(lambda one: one.burst),
        "loop_ms": 1000 * median(lambda one: one.loop),
        "control_ms": 1000 * median(lambda one: one.control),
        "part": median(lambda one: one.part),
        "burst_ratio": median(lambda one: one.burst / one.quiet),
        "loop_ratio": median(lambda one: one.loop / one.quiet),
        "control_ratio": median(lambda one: one.control / one.quiet),
        "added_ratio": median(lambda one: one.loop / one.control),
    }


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
    ends = time.perf_counter() + IDLE_S
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
