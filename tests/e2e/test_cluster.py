"""Two replicas that Ray places on this machine, as one server: every kind of call, and what becomes of them when a replica is killed.

TEST_RAY names a cluster that runs already, in place of one that the server starts. Of that one the agents come late, as on a busy machine.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dgnam_client import Client, InvalidRequestError, LocalServer, Progress, Result, UnavailableError, local_server

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LEMON = "tiny:fc8:lemon"
# Python runs it first of all, in every process. A raylet waits 15 s for its agents.
LATE = """
import sys, time
if any(part.endswith(("dashboard/agent.py", "runtime_env/agent/main.py")) for part in sys.orig_argv):
    time.sleep(30)
"""


@pytest.fixture(scope="module")
def running(tiny_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("cluster")
    settings = {**tiny_settings, "ray": os.environ.get("TEST_RAY", "local"), "replicas": 2, "batch_rows": 4}
    settings |= {"metrics_port": None, "picture_timeout_s": 120, "job_lease_s": 10}
    (folder / "sitecustomize.py").write_text(LATE)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        started = stack.enter_context(local_server(folder, timeout=600, state_dir=folder / "state", **settings))
        said(started.log, "replica 0 is ready")
        said(started.log, "replica 1 is ready")
        yield started
        assert started.process.poll() is None, started.log.read_text()
        session = re.compile(rb"session_[\d_-]+_%d\b" % started.process.pid)
        assert "TEST_RAY" in os.environ or processes(session.search)
    assert started.process.returncode == 0, started.log.read_text()
    assert not processes(session.search), "nothing of Ray outlives the server"


@pytest.fixture
def client(running: LocalServer) -> Iterator[Client]:
    with Client(running.address, timeout=120, synthesis_timeout=600) as client:
        yield client


def said(log: Path, what: str, times: int = 1) -> str:
    """The log, once it says so."""
    deadline = time.monotonic() + 600
    while (text := log.read_text()).count(what) < times:
        assert time.monotonic() < deadline, text
        time.sleep(0.2)
    return text


def replicas() -> list[int]:
    """The processes of the replicas, as Ray names them."""
    return processes(lambda command: command.startswith(b"ray::Server"))


def processes(wanted: Callable[[bytes], object]) -> list[int]:
    """Those whose command line is so."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if wanted(path.read_bytes()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_every_kind_of_call(client: Client) -> None:
    assert {model.name for model in client.models()} >= {"tiny", "tiny-prior"}
    picture = client.synthesize(LEMON, steps=3)
    assert client.synthesize(LEMON, steps=3, determinism="strict").png == client.synthesize(LEMON, steps=3, determinism="strict").png
    client.synthesize_pixels("tiny:conv2:1", steps=2)
    client.draw(picture.code)
    assert client.activations(picture.image, "tiny:fc8").array.ndim >= 1
    assert len([event for event in client.stream(LEMON, steps=3, variants=3) if isinstance(event, Result)]) == 3
    with pytest.raises(InvalidRequestError) as wrong:
        client.synthesize(LEMON, steps=1_000_000, variants=10_000)
    assert len(wrong.value.violations) == 2


def test_a_stream_that_is_left_frees_its_rows(client: Client) -> None:
    for event in client.stream(LEMON, steps=2000, variants=4):
        if isinstance(event, Progress):
            break
    deadline = time.monotonic() + 120
    while not (load := client.load()).cancelled_jobs and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (load.cancelled_jobs, load.running_jobs) == (1, 0)


def test_a_killed_replica_ends_its_own_calls_and_no_others(client: Client, running: LocalServer) -> None:
    """Each of two replicas draws; one is killed. The next calls work at once, and Ray starts it anew."""
    ready = running.log.read_text().count(" is ready at ")
    streams = [client.stream(target, steps=2000, variants=64) for target in lanes()]
    for stream in streams:
        assert any(isinstance(event, Progress) for event in stream)
    (first, _) = replicas()
    os.kill(first, signal.SIGKILL)
    ended = [failure for stream in streams if (failure := failed(stream))]
    assert 1 <= len(ended) < len(streams)
    assert {(failure.message, failure.retry_after_s) for failure in ended} == {("the server that worked on this call was lost", 2)}
    for seed in range(6):
        assert client.synthesize(LEMON, steps=1, seed=seed).recipe.seed == seed
    for target in lanes():
        client.synthesize(target, steps=1)
    said(running.log, " is ready at ", ready + 1)
    assert len(replicas()) == 2 and first not in replicas()


def test_a_killed_replica_loses_nothing_of_a_job(client: Client, running: LocalServer) -> None:
    """Both draw it, one is killed, and every picture is there, once."""
    ready = running.log.read_text().count(" is ready at ")
    job = client.submit_job("tiny:fc8", seeds=6, steps=300)
    for news in job.watch(timeout=600):
        if news.state.done >= 4:
            break
    before = {path.name: path.stat().st_mtime_ns for path in running.log.parent.rglob("*.png")}
    os.kill(replicas()[0], signal.SIGKILL)
    state = job.wait(timeout=900)
    assert (state.phase, state.done, state.failed) == ("done", 42, 0)
    pictures = list(job.pictures(phase="done"))
    assert len({one.id for one in pictures}) == 42 and job.picture(pictures[0]).image.size == (32, 32)
    after = {path.name: path.stat().st_mtime_ns for path in running.log.parent.rglob("*.png")}
    assert len(before) >= 4 and all(after[name] == written for name, written in before.items()), "nothing is drawn twice"
    assert job.delete() == 42
    said(running.log, " is ready at ", ready + 1)


def test_a_search_goes_on_where_its_replica_was_killed(client: Client, running: LocalServer) -> None:
    """Another replica opens the store, long before Ray has started the first one anew, and the search is where it was."""
    ready = running.log.read_text().count(" is ready at ")
    search = client.search("durable", optimizer="cma", population=4, max_pictures=40, seed=5)
    search.tell({one.number: float(one.number) for one in search.ask()})
    shown = [one.png for one in search.ask()]
    for pid in replicas():  # whichever has the store
        if any("searches.sqlite" in path for path in opened(pid)):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while True:
        try:
            again = client.search("durable", optimizer="cma", population=4, max_pictures=40, seed=5)
            break
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert again.resumed and [one.png for one in again.ask()] == shown
    assert running.log.read_text().count(" is ready at ") == ready, "nobody waited for Ray"
    again.tell({one.number: float(one.number) for one in again.ask()})
    said(running.log, " is ready at ", ready + 1)
    assert client.search("durable", optimizer="cma", population=4, max_pictures=40, seed=5).state.generations_done == 2
    client.delete_search("durable")


def opened(pid: int) -> list[str]:
    """The files that a process has open."""
    return [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]


def failed(stream: Any) -> UnavailableError | None:
    """What ended the stream; None: it went on, and is left."""
    try:
        for number, event in enumerate(stream):
            if isinstance(event, Progress) and number > 40:
                return None
    except UnavailableError as error:
        return error
    finally:
        stream.close()
    return None


def lanes() -> list[str]:
    """Targets of so many lanes that each replica has some."""
    return [LEMON, "tiny:conv1:1", "tiny:conv2:1", "tiny:conv3:1", "tiny-res:fc:koala", "tiny:fc6:1"]
