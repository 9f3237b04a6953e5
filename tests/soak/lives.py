"""The server of a soak: one address, and a process that is ended and started anew."""

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from calls import READ_TIMEOUT_S
from dgnam_client import LocalServer, local_server
from journal import Outage
from memory import Watch
from report import MOST_MIB

START_S = 300.0  # that it may take on a busy machine
_SETTINGS = {
    "only": ["tiny", "tiny-res", "tiny-prior"],
    "default_prior": "tiny-prior",
    "device": "cpu",
    "threads": 1,
    "batch_rows": 8,
    "read_timeout_s": READ_TIMEOUT_S,
    "keepalive_s": 5,
    "drain_timeout_s": 2,
    "max_memory_mib": MOST_MIB,
    "max_searches": 10_000,
}


@dataclass(eq=False)
class Server:
    """The one that clients talk to, under one address however often it is started anew."""

    folder: Path
    pack: Path
    port: int
    lives: int = 0
    outages: list[Outage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it is, whenever it is there."""
        return f"grpc://127.0.0.1:{self.port}"

    @property
    def down_s(self) -> float:
        """For how long there was none."""
        return sum(outage.end - outage.start for outage in self.outages)

    def start(self) -> None:
        """Begin a life."""
        self.lives += 1
        place = self.folder / f"server-{self.lives}"
        place.mkdir()
        self._stack = ExitStack()
        settings = {**_SETTINGS, "models": [self.pack], "port": self.port, "state_dir": self.folder / "state"}
        self.running: LocalServer = self._stack.enter_context(local_server(place, timeout=START_S, **settings))
        self.watch = Watch(self.running.process.pid, place / "memory.csv").begin()

    def end(self, how: signal.Signals) -> None:
        """End a life."""
        self.watch.end()
        if (status := self.running.process.poll()) is not None:
            self.problems.append(f"server {self.lives} ended by itself, with {status}: {self.running.log.read_text()[-2000:]}")
        self.running.process.send_signal(how)
        self.running.process.wait(60)
        self._stack.close()
        told = self.running.log.read_text(encoding="utf-8", errors="replace")
        self.problems += [f"server {self.lives} logged: {line}" for line in told.splitlines() if "internal error" in line]
        self.problems += [f"server {self.lives} logged a traceback"] * ("Traceback" in told)

    def restart(self, how: signal.Signals) -> None:
        """End a life and begin the next."""
        begun = time.monotonic()
        self.end(how)
        self.start()
        self.outages.append(Outage(begun, time.monotonic()))
