"""A front before one real server."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fronts
import pytest
from dgnam_client import Client
from dgnam_server import Engine
from dgnam_server.cluster.forwarding import CLIENT_KEY
from dgnam_server.cluster.routing import Replica


@pytest.fixture(scope="session")
def engine(tiny_pack: Path) -> Iterator[Engine]:
    """The server behind."""
    settings: dict[str, Any] = {"models": [tiny_pack], "default_prior": "tiny-prior", "device": "cpu", "threads": 1, "batch_rows": 4}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secrets.token_urlsafe", lambda: fronts.TOKEN)
        engine = Engine.local(only=["tiny", "tiny-res", "tiny-prior"], **settings, client_header=CLIENT_KEY)
    with engine:
        yield engine


@pytest.fixture
def behind(engine: Engine) -> Replica:
    """The server as a replica."""
    return Replica("0", engine.server.removeprefix("grpc://"), 4)


@pytest.fixture
def fronted(tmp_path: Path) -> Callable[..., Any]:
    """`with fronted(Given([...])) as address`: a front before these replicas."""
    return partial(fronts.front, tmp_path)


@pytest.fixture
def client(behind: Replica, fronted: Callable[..., Any]) -> Iterator[Client]:
    """A client of a front before one server."""
    with fronted(fronts.Given([behind])) as address, Client(address, timeout=60) as client:
        yield client
