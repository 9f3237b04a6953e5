"""Stores over databases that really run: SQLite, and a PostgreSQL that the tests start."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from dgnam_server.jobs.database import url_of
from job_stores import Clock, Kept


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that this session has started."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    binary = found[-1].parent if found else Path(shutil.which("initdb") or "none").parent
    if not (binary / "initdb").exists():
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    as_user: list[str] = []
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        if not shutil.which("setpriv"):
            pytest.skip("PostgreSQL does not run as root, and there is no setpriv to become somebody else")
        as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="dgnam-postgresql-") as text:
        folder = Path(text)
        folder.chmod(0o777)
        data = folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/", "timeout": 100, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
        subprocess.run([*as_user, binary / "initdb", "-D", data, "-U", "dgnam", "--auth=trust", "--encoding=UTF8", "--no-sync"], **run)  # type: ignore[call-overload]
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [*as_user, binary / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-t", "90", "-l", folder / "log", "-o", options, "start"], **run)  # type: ignore[call-overload]
        try:
            yield f"postgresql://dgnam@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Kept]:
    """An empty store in each database."""
    if request.param == "sqlite":
        url = url_of(str(tmp_path / "jobs"))
    else:
        url = url_of(fresh(request.getfixturevalue("postgresql"), f"d{tmp_path.name}"))
    kept = Kept(url, tmp_path / "pictures", clock)
    yield kept
    kept.database.close()


def fresh(server: str, name: str) -> str:
    """A new database of a PostgreSQL server."""
    name = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{server.rpartition('/')[0]}/{name}"
