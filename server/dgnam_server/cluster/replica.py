"""A replica: a whole server in a process that Ray placed. Whoever holds its actor asks it where it serves and how busy it is."""

import asyncio
import contextlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from dgnam_server.observability import logs
from dgnam_server.settings import Settings

log = logging.getLogger(__name__)


def _own_address() -> str:
    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class State:
    """What a replica tells; `jobs` are those that wait and run, `failure` says why it cannot serve."""

    address: str = ""
    batch_rows: int = 1
    jobs: int = 0
    failure: str = ""


class Server:
    """A server in threads of this process; `state` and `stop` may be called from another one."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dgnam-")
        self._port_file = Path(self._folder.name) / "port"
        self._settings = Settings(**{**settings, "host": settings["host"] or _own_address(), "port_file": self._port_file})
        logging.basicConfig(level=self._settings.log_level.upper(), handlers=[logs.handler(self._settings.log_format)])
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        self._app: Any = None
        self._failure = ""
        self._thread = threading.Thread(target=self._serve, name=f"replica-{name}", daemon=True)
        self._thread.start()

    def state(self) -> State:
        """Where it serves; without an address while it does not yet."""
        if self._failure:
            return State(failure=self._failure)
        if not self._thread.is_alive():
            os._exit(1)  # whatever ended it: Ray starts it anew
        with contextlib.suppress(FileNotFoundError):
            port = self._port_file.read_text(encoding="ascii").strip()
            load = self._app.engine.load()
            return State(f"{self._settings.host}:{port}", self._app.engine.batch_rows, load.queued_jobs + load.running_jobs)
        return State()

    def stop(self) -> None:
        """Drain; returns once it has ended."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        from dgnam_models import CardError  # PyTorch takes seconds to import, and the process is to answer meanwhile

        from dgnam_server import app
        from dgnam_server.faults import SettingsError
        from dgnam_server.rpc import serve

        try:
            self._app = app.build(self._settings, time.monotonic())
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(serve.run(self._app, self._stop))
        except (SettingsError, CardError, serve.StartError) as error:
            self._failure = str(error)
        except BaseException:
            log.exception("the replica ended")
