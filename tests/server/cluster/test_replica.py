"""What a replica is told: all of the front's settings, but for who may reach it."""

import json
import sys
from pathlib import Path

import pytest
from dgnam_server.cluster import front
from dgnam_server.cluster.routing import Replica
from dgnam_server.settings import Settings, SettingsError


def test_a_replica_has_the_fronts_settings(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("outer")
    given = Settings(
        ray="local", replicas=2, token_file=tmp_path / "token", host="0.0.0.0", port=1, only=("a",), max_steps=7, metrics_port=0
    )
    told = front.of_a_replica(given, "10.0.0.5", "inner", 3)
    replica = Settings(**json.loads(json.dumps(told)))
    assert (replica.only, replica.max_steps) == (("a",), 7), "as they are"
    assert (replica.host, replica.port, replica.token, replica.threads) == ("10.0.0.5", 0, "inner", 3)
    assert (replica.ray, replica.replicas, replica.metrics_port, replica.client_header) == (None, None, None, "dgnam-client")


@pytest.mark.parametrize(
    ("hosts", "jobs", "apart"),
    [
        ("ab", {}, True),
        ("ab", {"jobs": "folder"}, True),
        ("aa", {}, False),
        ("ab", {"jobs": "off"}, False),
        ("ab", {"jobs": "postgresql://dgnam@db/jobs", "job_pictures": "s3://bucket"}, False),
    ],
)
def test_jobs_that_machines_keep_apart_are_told(hosts: str, jobs: dict[str, str], apart: bool) -> None:
    """A job of one machine is not there for callers that meet the other, and nothing else would say why."""
    told = front.jobs_apart(Settings(ray="auto", **jobs), [Replica(str(number), f"{host}:1") for number, host in enumerate(hosts)])
    assert ("on 2 machines" in told and "set jobs to a database" in told) == apart == bool(told)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dgnam_server.cluster.fleet", None)
    with pytest.raises(SettingsError, match=r'pip install "dgnam-server\[ray\]"'):
        front.build(Settings(ray="local"))
