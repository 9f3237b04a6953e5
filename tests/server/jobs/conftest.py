"""Stores over databases that really run: SQLite, and a PostgreSQL that the tests start."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from dgnam_server.jobs.database import url_of
from job_stores import Clock, Kept


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
