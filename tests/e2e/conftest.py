"""A real server process on tiny models, and clients for it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dgnam_client import Client


@dataclass(frozen=True)
class RunningServer:
    """The process, its address and its log."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def client(self) -> Client:
        """A client that does not wait forever."""
        return Client(self.address, timeout=20, synthesis_timeout=60)

    def idle(self, seconds: float = 10) -> bool:
        """Wait until nothing is queued or running and no row is left in any batch."""
        with self.client() as client:
            for _ in range(int(seconds * 20)):
                load = client.load()
                if not load.queued_jobs and not load.running_jobs and not load.lanes:
                    return True
                time.sleep(0.05)
        return False


Start = Callable[..., RunningServer]


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[RunningServer]:
    """A server on a free port until the block ends."""
    port_file, log = folder / "port", folder / "server.log"
    command = [
        sys.executable,
        "-m",
        "dgnam_server",
        "--port",
        "0",
        "--port-file",
        str(port_file),
        "--device",
        "cpu",
        "--threads",
        "1",
        *arguments,
    ]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        for _ in range(1200):
            if port_file.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        assert port_file.exists(), log.read_text()
        yield RunningServer(process, f"grpc://127.0.0.1:{port_file.read_text().strip()}", log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def tiny_arguments(tiny_pack: Path) -> list[str]:
    """Serve the tiny models, with a small queue."""
    return [
        "--models",
        str(tiny_pack),
        "--default-prior",
        "tiny-prior",
        "--queue-capacity",
        "16",
        "--max-batch-rows",
        "8",
        "--threads",
        "1",
    ]


@pytest.fixture(scope="session")
def server(tiny_arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that leave it as they found it."""
    with running(tmp_path_factory.mktemp("server"), *tiny_arguments) as started:
        yield started
        assert started.process.poll() is None, started.log.read_text()


@pytest.fixture(scope="session")
def bundled_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as a newcomer starts it, on the bundled models."""
    with running(tmp_path_factory.mktemp("bundled")) as started:
        yield started


@pytest.fixture
def start_server(tiny_arguments: list[str], tmp_path: Path) -> Iterator[Start]:
    """Start servers of one's own; they are stopped at the end."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(running(tmp_path, *tiny_arguments, *arguments))
