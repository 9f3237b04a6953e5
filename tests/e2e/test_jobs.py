"""Jobs through real servers: a kill loses nothing, two servers share the work, and people who wait come first."""

import csv
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import Client, InvalidRequestError, Job, LocalServer, NotFoundError, NotReadyError, local_server
from dgnam_client._cli import main

SHORT = {"steps": 2, "start_draws": 0}
LONG = {"steps": 150, "start_draws": 0}


@dataclass(frozen=True)
class Served:
    """A server of one's own."""

    running: LocalServer

    @property
    def process(self) -> Any:
        return self.running.process

    def client(self) -> Client:
        return Client(self.running.address, timeout=60, synthesis_timeout=100)


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def start(tiny_settings: dict[str, Any], photographs: Path, tmp_path: Path) -> Iterator[Callable[[str], Served]]:
    """Start servers by name that share a store; they take over from a killed one after a second."""
    shared = {**tiny_settings, "jobs": tmp_path / "jobs", "job_lease_s": 1, "max_batch_rows": 4, "drain_timeout_s": 0}
    shared |= {"indices": photographs}
    with ExitStack() as stack:

        def start(name: str) -> Served:
            (tmp_path / name).mkdir()
            return Served(stack.enter_context(local_server(tmp_path / name, **shared)))

        yield start


def test_a_job_by_the_client(client: Client) -> None:
    job = client.submit_job(["tiny:fc8", "tiny:fc8:lemon+tiny:fc8:teapot"], seeds=2, title="two seeds", **SHORT)
    assert not job.resumed and (job.state.pictures, job.state.title) == (16, "two seeds")
    assert job.wait(timeout=100).phase == "done" and job.state.done == 16
    again = client.submit_job(["tiny:fc8:lemon+tiny:fc8:teapot", "tiny:fc8"], seeds=2, **SHORT)
    assert again.resumed and again.id == job.id and client.job(job.id).state.done == 16
    pictures = list(job.pictures(unit=2, phase="done"))
    assert [(one.label, one.seed) for one in pictures][:2] == [("lemon", 0), ("lemon", 1)]
    page = client.job_pictures(job.id, unit=2, phase="done", page_size=2)
    rest = client.job_pictures(job.id, unit=2, phase="done", page_token=page.next_token)
    assert [*page.pictures, *rest.pictures] == pictures and page.total == len(pictures) and not rest.next_token
    assert client.job_pictures(tap="fc8", unit=2, seed=1, page_size=1).pictures == (pictures[1],), "of all jobs"
    assert again.places == client.job(job.id).places[::-1] == ("tiny:fc8",)
    drawn = job.picture(pictures[1])
    alone = client.synthesize("tiny:fc8:index=2", seed=1, **SHORT)
    assert np.abs(np.asarray(drawn.image, int) - np.asarray(alone.image, int)).max() <= 1, "as if it had been asked for alone"
    assert drawn.recipe.request() == alone.recipe.request() and drawn.activation == pytest.approx(alone.activation, rel=1e-4)
    one = client.submit_job("tiny:fc8:lemon", seeds=2, **SHORT)
    assert (one.state.phase, one.state.found) == ("done", 2), "nothing is drawn twice"
    assert one.state.title == "tiny:fc8:2: dgn-am, 2 seeds"
    assert one.delete() == 0 and job.delete() == 16
    with pytest.raises(NotFoundError, match="there is no job"):
        job.refresh()


def test_what_is_wrong_with_a_job_is_told_at_once(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.submit_job(["tiny:fc9", "tiny:fc8:99"], templates=[{"steps": -1, "preview_interval": 2}])
    assert {field for field, _ in caught.value.violations} == {
        "templates[0].synthesize.options.steps",
        "templates[0].synthesize.preview_interval",
        "targets[0].units.tap",
        "targets[1].target.terms[0].unit.index",
    }
    job = client.submit_job("tiny:fc8:0", seeds=1, steps=2000, start_draws=0)
    waiting = next(job.pictures())
    with pytest.raises(NotReadyError, match="not drawn yet"):
        client.job_picture(waiting.id)
    assert job.cancel().phase == "cancelled" and job.delete() == 1


@pytest.mark.timeout(400)  # it starts two servers, one after the other
def test_a_killed_server_loses_nothing_and_draws_nothing_twice(
    start: Callable[[str], Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = {"exemplars": 4, "occlusion": {"count": 4, "stride": 2}, **SHORT}
    first = start("first")
    with first.client() as client:
        looking = client.submit_job("tiny:fc8:lemon", **beside)
        for news in looking.watch():
            if news.state.done >= 7:  # some photographs, some projections, and no occlusion yet, or not all
                break
        job = client.submit_job("tiny:fc8", seeds=6, **LONG)
        for news in job.watch():
            if news.state.done >= 4:
                break
        first.process.kill()
        first.process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "jobs").rglob("*.png")}
    assert 11 <= len(before) < 42
    second = start("second")
    with second.client() as client:
        job = client.job(job.id)
        assert job.state.done >= 4
        assert job.wait(timeout=100).done == 42 and job.state.failed == 0
        ids = [one.id for one in job.pictures(phase="done")]
        assert len(set(ids)) == 42 and client.job_picture(ids[0]).image.size == (32, 32)
        found = client.submit_job("tiny:fc8:2", **beside)
        assert found.resumed and found.id == looking.id and found.wait(timeout=100).done == 1 + 4 + 4 + 4
        _check_analyses(client, found)
        one = client.submit_job("tiny:fc8:2", exemplars={"count": 1, "project": False}, seeds=6, **LONG)
        assert (one.state.phase, one.state.found) == ("done", 7), "what another job has drawn or looked for is there"
    _check_atlas(second, tmp_path / "atlas", capsys)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "jobs").rglob("*.png")}
    assert all(after[name] == written for name, written in before.items())


def _check_analyses(client: Client, job: Job) -> None:
    kinds = [(one.kind, one.rank) for one in job.pictures()]
    of_rank = [(kind, rank) for kind in ("exemplar", "projection", "occlusion") for rank in (1, 2, 3, 4)]
    assert kinds == [("synthesis", 0), *of_rank]
    alone = client.exemplars("tiny:fc8:2", count=4)
    for exemplar, projection in zip(job.pictures(kind="exemplar"), job.pictures(kind="projection"), strict=True):
        shown, projected, there = job.analysis(exemplar), job.analysis(projection), alone[exemplar.rank - 1]
        assert shown.png == there.seen_png and (shown.photograph, shown.activation) == (there.photograph, there.activation)
        assert there.projection is not None and projected.png == there.projection.png and projected.recipe.method == "deconvnet"  # type: ignore[union-attr]
        assert exemplar.activation == pytest.approx(there.activation) and shown.patch.size == (32, 32)
    covered = job.analysis(next(job.pictures(kind="occlusion")))
    assert covered.map is not None and covered.map.shape == (16, 16) and 0 <= covered.map.min() <= covered.map.max() <= 1
    with pytest.raises(InvalidRequestError, match="ask for it as a job's analysis"):
        job.picture(exemplar)
    with pytest.raises(InvalidRequestError, match="ask for it as a job's picture"):
        job.analysis(next(job.pictures()))
    with pytest.raises(NotReadyError, match="the index noise has no units of tiny:fc7"):
        client.submit_job(["tiny:fc7", "tiny:fc8"], exemplars=4)
    with pytest.raises(InvalidRequestError, match="nose: there is no such keyword"):
        client.submit_job("tiny:fc8", occlusion={"nose": 3})


def _check_atlas(server: Served, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The atlas of what is there already."""
    asked = ["atlas", "tiny:fc8:2", "--exemplars", "4", "--occlusion", "1", "--steps", "2", "--start-draws", "0", "-o", str(folder)]
    assert main([*asked, "--server", server.running.address]) == 0
    assert "10 pictures, tiny:fc8:2: dgn-am; 4 exemplars, deconvnet, 1 occlusion" in capsys.readouterr().out
    names = sorted(path.name.rpartition("-")[0] for path in folder.rglob("*.png"))
    ranked = [f"0002-lemon-{kind}-{rank}" for kind in ("exemplar", "projection-deconvnet") for rank in (1, 2, 3, 4)]
    assert names == sorted(["0002-lemon-dgn-am-0", *ranked, "0002-lemon-occlusion-1"])
    page = (folder / "index.html").read_text()
    assert page.count("<article") == 1 and page.count("<img") == 10 and "strongest photographs" in page and "red fox" in page
    from pyarrow import parquet

    rows = parquet.read_table(folder / "pictures.parquet").to_pylist()
    assert [row["kind"] for row in rows] == ["synthesis", *["exemplar"] * 4, *["projection"] * 4, "occlusion"]
    assert rows[1]["photograph"].endswith(".png") and rows[1]["rank"] == 1 and rows[0]["photograph"] is None
    assert all((folder / row["file"]).exists() for row in rows)
    facts = json.loads((folder / rows[5]["file"]).with_suffix(".json").read_text())
    assert facts["recipe"]["project"]["method"] == "deconvnet" and facts["box"] == [0, 0, 32, 32]


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_two_servers_share_a_job_and_one_that_stops_gives_back(start: Callable[[str], Served]) -> None:
    one, two = start("one"), start("two")
    with one.client() as client, two.client() as other:
        job = client.submit_job("tiny:fc8", seeds=6, **LONG)
        watched = other.job(job.id)
        deadline = time.monotonic() + 60
        while min(known.load().running_jobs for known in (client, other)) == 0:
            assert time.monotonic() < deadline and not watched.refresh().over
            time.sleep(0.02)
        one.process.terminate()
        one.process.wait()
        assert watched.wait(timeout=100).done == 42 and watched.state.failed == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_servers_share_a_database_and_an_object_store_and_nothing_else(
    tiny_settings: dict[str, Any], postgresql: str, bucket: str, tmp_path: Path
) -> None:
    """As on several machines. One is killed in mid-job, and the other has all of it."""
    shared = {**tiny_settings, "jobs": postgresql, "job_pictures": bucket, "job_lease_s": 2, "max_batch_rows": 4}
    with ExitStack() as stack:

        def start(name: str) -> Served:
            folder = tmp_path / name
            folder.mkdir()
            return Served(stack.enter_context(local_server(folder, state_dir=folder / "state", timeout=300, **shared)))

        one, two = start("one"), start("two")
        with one.client() as client, two.client() as other:
            job = client.submit_job("tiny:fc8", seeds=6, **LONG)
            for news in job.watch(timeout=300):
                if news.state.done >= 4:
                    break
            one.process.kill()
            one.process.wait()
            watched = other.job(job.id)
            assert watched.wait(timeout=300).done == 42 and watched.state.failed == 0
            assert other.submit_job("tiny:fc8", seeds=6, **LONG).resumed
            pictures = list(watched.pictures(phase="done"))
            assert len({one.id for one in pictures}) == 42 and watched.picture(pictures[0]).image.size == (32, 32)
    assert not list(tmp_path.rglob("*.png")) and not list(tmp_path.rglob("jobs.sqlite"))


def test_people_who_wait_come_first(client: Client) -> None:
    job = client.submit_job("tiny:fc8", seeds=64, steps=300, start_draws=0)
    try:
        client.synthesize("tiny:fc8:lemon", steps=30, start_draws=0)
        assert job.refresh().done < job.state.pictures // 2, "the picture did not wait for the job"
        assert job.pause().phase == "paused"
    finally:
        job.cancel()
        job.delete()


def test_the_atlas_of_a_network(server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "atlas"
    asked = ["atlas", "tiny", "--taps", "fc7", "fc8", "--seeds", "2", "--steps", "2", "--start-draws", "0", "-o", str(folder)]
    assert main([*asked, "--server", server.address]) == 0
    out = capsys.readouterr().out
    assert "38 pictures" in out and str(folder / "index.html") in out
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 38 and all(path.with_suffix(".json").exists() for path in files)
    assert json.loads(files[0].with_suffix(".json").read_text())["synthesize"]["options"]["steps"] == 2
    page = (folder / "index.html").read_text()
    assert page.count("<img") == 38 and "school bus" in page and "http" not in page.replace("http-equiv", "")
    from pyarrow import parquet

    rows = parquet.read_table(folder / "pictures.parquet").to_pylist()
    assert len(rows) == 38 and all((folder / row["file"]).exists() and row["activation"] is not None for row in rows)
    written = {path: path.stat().st_mtime_ns for path in files}
    assert main([*asked, "--server", server.address]) == 0, "the same command finds it again"
    assert "38 of them are drawn already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in files} == written
    with server.client() as client:
        (known,) = [one for one in client.jobs() if one.pictures == 38]
    assert main(["jobs", "--server", server.address]) == 0 and known.id in capsys.readouterr().out
    assert main(["jobs", known.id[:6], "--server", server.address]) == 0 and "38 of 38" in capsys.readouterr().out
    assert main(["jobs", known.id, "--delete", "--server", server.address]) == 0
    assert main(["jobs", known.id, "--server", server.address]) == 2


def test_without_the_package_for_parquet_the_table_is_csv(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    asked = ["atlas", "tiny:fc8:0-1", "--steps", "2", "--start-draws", "0", "-o", str(tmp_path / "two"), "--server", server.address]
    assert main(asked) == 0 and "pip install 'dgnam-client[parquet]'" in capsys.readouterr().err
    with (tmp_path / "two/pictures.csv").open() as file:
        assert [row["unit"] for row in csv.DictReader(file)] == ["0", "1"]
