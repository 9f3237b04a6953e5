"""Ray's start, as far as it goes without Ray; `tests/e2e/test_cluster.py` has it with Ray."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ray")
from dgnam_server.cluster.local_ray import end_left, without_agents


def session(folder: Path, name: str) -> Path:
    """What a Ray of this process makes at first."""
    made = folder / f"session_{name}_{os.getpid()}"
    made.mkdir(parents=True)
    (made / "gcs_server_port_abc").write_text("6379")
    return made


def test_ports_of_agents_are_there_for_a_new_session_alone(tmp_path: Path) -> None:
    old = session(tmp_path, "old")
    with without_agents(tmp_path):
        (tmp_path / "session_of_somebody_else").mkdir()
        new = session(tmp_path, "new")
        agents = ("metrics_agent", "metrics_export", "dashboard_agent_listen", "runtime_env_agent")
        wanted = {f"{agent}_port_abc": "-1" for agent in agents} | {"gcs_server_port_abc": "6379"}
        deadline = time.monotonic() + 60
        while (found := {path.name: path.read_text() for path in new.glob("*_abc")}) != wanted and time.monotonic() < deadline:
            time.sleep(0.01)
    assert found == wanted
    assert [path.name for path in old.iterdir()] == ["gcs_server_port_abc"]


def test_a_ray_that_makes_no_session_leaves_nothing(tmp_path: Path) -> None:
    with without_agents(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_what_is_left_of_a_ray_of_this_process_is_ended_and_nothing_else(tmp_path: Path) -> None:
    """As agents do, one of which takes no notice of a request to end."""
    waits = "print(flush=True); time.sleep(600)"
    polite, deaf = f"import time; {waits}", f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {waits}"
    own, other = session(tmp_path, "own"), tmp_path / f"session_own_{os.getpid() + 1}"
    started = [
        subprocess.Popen([sys.executable, "-c", program, f"--session-dir={where}"], stdout=subprocess.PIPE)
        for program, where in ((deaf, own), (polite, own), (polite, other))
    ]
    try:
        for process in started:
            assert process.stdout is not None and process.stdout.readline()
        end_left(tmp_path)
        for process in started[:2]:
            process.wait(60)
        assert started[2].poll() is None, "it is another's"
    finally:
        for process in started:
            process.kill()
            process.communicate()
