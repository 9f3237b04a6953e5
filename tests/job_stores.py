"""Jobs to keep, and a store for them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dgnam_server.jobs.claims import Claims, Drawn
from dgnam_server.jobs.database import Database
from dgnam_server.jobs.listing import Listing
from dgnam_server.jobs.pictures import Pictures
from dgnam_server.jobs.plan import Picture, Plan, Setting
from dgnam_server.jobs.store import Limits, Store

SETTING = Setting("synthesize", b"request", {"tiny": "a" * 64})


def pictures(*units: int, setting: Setting = SETTING) -> list[Picture]:
    return [Picture(setting, b"t%d" % unit, 0, f"tiny:fc8:{unit}", "tiny", "fc8", unit, "", "dgn-am", "prior", 32, 32) for unit in units]


def plan(*units: int, client: str = "me") -> Plan:
    return Plan(pictures(*units), b"request", "a job", client)


def drawn(id: int, png: bytes = b"png") -> Drawn:
    return Drawn(id, png, b"result", 1.5, 99.0, 1)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1e9

    def __call__(self) -> float:
        return self.now_s


class Kept:
    """A store, and servers that share it."""

    def __init__(self, url: Any, folder: Path, clock: Callable[[], float]) -> None:
        self.database, self.files = Database(url, clock), Pictures(str(folder))
        self.folder = folder
        self.store = Store(self.database, self.files, Limits(jobs=6, client_jobs=3, bytes=2**20))
        self.listing = Listing(self.database)

    def server(self, name: str, lease_s: float = 30.0) -> Claims:
        return Claims(self.database, self.files, name, lease_s)
