"""A cluster's front in this process, before servers that are there already."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgnam_server.cluster.front import Front
from dgnam_server.cluster.routing import Replica
from dgnam_server.rpc import serve
from dgnam_server.settings import Settings

TOKEN = "what-replicas-ask-for"


@dataclass(eq=False)
class Given:
    """Replicas that somebody else started; of a drain it keeps the times."""

    replicas: list[Replica]
    drained: list[float] = field(default_factory=list)

    def start(self) -> None:
        pass

    def drain(self, timeout_s: float) -> None:
        self.drained.append(timeout_s)

    def ready(self) -> Sequence[Replica]:
        return list(self.replicas)


@contextmanager
def front(folder: Path, given: Given, **settings: Any) -> Iterator[str]:
    """The address, host:port, of a front with these settings; its port file is in the folder."""
    port_file = folder / "front.port"
    checked = Settings(**{"port": 0, **settings, "port_file": port_file})
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve.run(Front.of(checked, given, TOKEN), stop))

    thread = threading.Thread(target=run, name="front")
    thread.start()
    try:
        while not port_file.exists():
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"127.0.0.1:{port_file.read_text().strip()}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
