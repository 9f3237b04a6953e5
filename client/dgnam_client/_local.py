"""A server as a process of its own, for as long as a block lasts: for scripts, notebooks, benchmarks and tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LocalServer:
    """A serving process on this machine; `address` is what clients take, `log` the file it writes to."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path


@contextmanager
def local_server(folder: Path, *, timeout: float = 120, **settings: Any) -> Iterator[LocalServer]:
    """Start `dgnam-server` on a free port of this machine, wait until it serves, stop it when the block ends, or this process does.

    The package dgnam-server must be installed beside this one.

    Args:
        folder: Where its log (`server.log`) and port file go.
        timeout: Seconds that the start may take.
        settings: `device="cpu"` is the server's flag `--device cpu`, `models=[...]` a flag of several values; None leaves it out. They
            win over the DGNAM_... variables, which the server reads too. `dgnam-server --help` lists them.

    Raises:
        ValueError: A setting or a model is wrong, or there is no such setting; the message is the server's log.
        RuntimeError: The server ended, or did not serve within `timeout` seconds; the message is its log.
    """
    port_file, log = folder / "server.port", folder / "server.log"
    port_file.unlink(missing_ok=True)  # a killed server may have left one
    arguments = _flags(port_file=port_file, parent=os.getpid(), **{"port": 0, **settings})
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", "dgnam_server", *arguments], stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + timeout
        while not port_file.exists():
            status = process.poll()
            if status == 2:
                raise ValueError(log.read_text(encoding="utf-8").strip())
            if status is not None or time.monotonic() > deadline:
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


def _flags(**settings: Any) -> list[str]:
    values = {name: value if isinstance(value, list | tuple) else [value] for name, value in settings.items() if value is not None}
    return [f"--{name.replace('_', '-')}={value}" for name in values for value in values[name]]
