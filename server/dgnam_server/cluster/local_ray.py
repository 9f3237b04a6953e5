"""Ray on this machine alone: started with patience, however busy the machine is, and ended with the server."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import ray

_OBJECT_STORE_BYTES = 100 * 2**20  # Ray's least is 75 MiB; nothing goes through it
_AGENTS = ("metrics_agent", "metrics_export", "dashboard_agent_listen", "runtime_env_agent")
_NOT_SERVED = "-1"  # as Ray itself writes for what it does without
_LOOK_S = 0.02
_LAST_WORDS_S = 3.0


def start() -> None:
    """Start Ray, and join it.

    Raises:
        Exception: Ray's own, where its processes do not start.
    """
    folder = _folder()
    with without_agents(folder):
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            logging_level=logging.WARNING,
            configure_logging=False,
            _temp_dir=str(folder),
        )


def stop() -> None:
    """Leave Ray, and end all that `start` began: left alone, its agents notice only after minutes that they serve nobody."""
    ray.shutdown()
    end_left(_folder())


def end_left(folder: Path) -> None:
    """End the processes that are left of Rays that this process has started; those of others are named after others' sessions.

    Args:
        folder: that of Ray's sessions.
    """
    sessions = [path.name for path in folder.glob(f"session_*_{os.getpid()}")]
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid() and any(name in word for word in process.info["cmdline"] or () for name in sessions)
    ]
    _signal(left, "terminate")
    _signal(psutil.wait_procs(left, timeout=_LAST_WORDS_S)[1], "kill")


def _signal(processes: list[Any], how: str) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            getattr(process, how)()


def _folder() -> Path:
    """Where Ray keeps its sessions, unless it is told otherwise."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")


@contextmanager
def without_agents(folder: Path) -> Iterator[None]:
    """For the length of the block, a Ray that this process starts does not wait for its agents.

    A raylet gives up where its two agents, Python programs, have not written their ports into files after 15 s: a fixed time, see
    https://github.com/ray-project/ray/issues/65983. On a busy machine their imports alone take longer. They serve metrics and
    environments of packages, neither of which is used here. So the files are written for them, as soon as the session has a folder.

    Args:
        folder: that of Ray's sessions.
    """
    known, ended = _sessions(folder), threading.Event()

    def write() -> None:
        while not (new := _sessions(folder) - known):
            if ended.wait(_LOOK_S):
                return
        for started in new:
            node = started.name.removeprefix("gcs_server_port_")
            for agent in _AGENTS:
                half = started.with_name(f"{agent}_port_{node}.half")
                half.write_text(_NOT_SERVED, encoding="ascii")
                half.replace(half.with_suffix(""))

    writer = threading.Thread(target=write, name="ray-ports", daemon=True)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def _sessions(folder: Path) -> set[Path]:
    """A file of each session that this process began; its name ends with the node's id."""
    return set(folder.glob(f"session_*_{os.getpid()}/gcs_server_port_*"))
