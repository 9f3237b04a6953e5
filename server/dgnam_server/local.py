"""dgnam as a library: a server inside this process, for networks that exist nowhere else.

    from dgnam_server import Engine, Network, Preprocessing

    network = Network.of(model, "mine", Preprocessing((224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)))
    with Engine.local(network) as engine:
        engine.synthesize_pixels("mine:fc:3").save("three.png")

Rules: it listens on this machine only, behind a token that nobody else knows; the event loop lives in a thread of its own.
"""

import asyncio
import atexit
import secrets
import threading
import time
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import torch
from dgnam_models import Network

from dgnam_server import app
from dgnam_server.app import App
from dgnam_server.faults import Fault, SettingsError
from dgnam_server.rpc import serve
from dgnam_server.settings import OFF, Settings

try:
    from dgnam_client import Client
except ImportError as error:
    raise ImportError('Engine needs the client: pip install "dgnam-server[local]"') from error

# What is listened on, and who may call: nobody but this process.
_OWN = ("host", "port", "port_file", "tls_cert", "tls_key", "tls_client_ca", "token_file", "token", "drain_timeout_s")


class Engine(Client):
    """The client's calls, answered in this process. `Engine.local` makes one; `close`, or the end of a `with` block, stops it."""

    def __init__(self, parts: App, port_file: Path) -> None:
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, args=(parts,), name="dgnam-local", daemon=True)
        self._thread.start()
        while not port_file.exists():
            self._thread.join(0.02)
            if not self._thread.is_alive():
                raise self._failure or RuntimeError("the server ended before it served")
        super().__init__(f"grpc://127.0.0.1:{port_file.read_text(encoding='ascii').strip()}", token=parts.settings.token)
        atexit.register(self.close)

    @classmethod
    def local(cls, *networks: Network, only: Collection[str] | None = None, **settings: Any) -> Self:
        """Load the bundled models, add `networks`, and serve them to this process alone. Returns once it is warm.

        Args:
            networks: see `Network.of`; one with the name of another model replaces it.
            only: of the bundled models load these alone, a prior with its encoder; `()` loads none, which saves seconds and most of the
                memory, and leaves the methods that draw without a prior. None: all.
            settings: fields of `dgnam_server.settings.Settings`, such as `models`, `device`, `default_prior`, `max_pixels`; DGNAM_...
                variables are not read. It keeps no jobs unless `jobs` names a folder.

        Raises:
            SettingsError: a setting is wrong or there is no such setting, or the device is not there.
            CardError: a model cannot be loaded.
        """
        if own := [Fault(name, "Engine.local chooses it") for name in _OWN if name in settings]:
            raise SettingsError(own)
        settings.setdefault("jobs", OFF)  # a program that draws a picture should not take up what a server has left
        threads = torch.get_num_threads()
        with TemporaryDirectory(prefix="dgnam-") as folder:
            port_file = Path(folder) / "port"
            checked = Settings(**settings, port=0, port_file=port_file, token=secrets.token_urlsafe(), drain_timeout_s=0)
            try:
                return cls(app.build(checked, time.monotonic(), networks, only), port_file)
            finally:
                torch.set_num_threads(threads)  # loading turned it down to one; the caller's own work goes on as before

    def __repr__(self) -> str:
        return f"<Engine {self.server}>"

    def close(self) -> None:
        """Stop: calls under way end as cancelled, and later ones raise RuntimeError."""
        atexit.unregister(self.close)
        super().close()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _serve(self, parts: App) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(serve.run(parts, self._stop))
        except BaseException as error:
            self._failure = error
