"""A server as a process of its own, for as long as a block lasts: for scripts, notebooks, benchmarks and tests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalServer:
    """A serving process on this machine; `address` is what clients take, `log` the file it writes to."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path


@contextmanager
def local_server(folder: Path, *arguments: str, timeout: float = 120) -> Iterator[LocalServer]:
    """Start `dgnam-server` with `arguments` on a free port of this machine, wait until it serves, stop it when the block ends.

    The package dgnam-server must be installed beside this one.

    Args:
        folder: where its log (`server.log`) and port file go.

    Raises:
        RuntimeError: it ended or did not serve within `timeout` seconds; the message is its log.
    """
    port_file, log = folder / "server.port", folder / "server.log"
    port_file.unlink(missing_ok=True)  # a killed server may have left one
    command = [sys.executable, "-m", "dgnam_server", "--port", "0", "--port-file", str(port_file), *arguments]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + timeout
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')}")
            time.sleep(0.05)
        yield LocalServer(process, f"grpc://127.0.0.1:{port_file.read_text(encoding='ascii').strip()}", log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
