"""Jobs in a database, SQLite and PostgreSQL alike."""

import threading
from pathlib import Path

import pytest
from dgnam_server.jobs.database import Database, StoreError, url_of
from dgnam_server.jobs.pictures import Pictures
from dgnam_server.jobs.plan import Setting
from dgnam_server.jobs.schema import JobState, version
from dgnam_server.jobs.store import Limits, NoRoom, Store, UnknownJob
from job_stores import SETTING, Clock, Kept, drawn, pictures, plan
from sqlalchemy import update


def test_the_same_pictures_are_the_same_job_in_any_order(kept: Kept) -> None:
    begun, known = kept.store.submit(plan(0, 1, 2))
    again, known_again = kept.store.submit(plan(2, 0, 1, 1))
    assert (known, known_again) == (False, True) and begun.id == again.id and again.pictures == 3
    assert [row.unit for row in kept.listing.page(begun.id, {}, None, -1, 10).rows] == [0, 1, 2]
    assert kept.store.submit(plan(0, 1))[0].id != begun.id


def test_an_address_says_all_that_makes_a_picture_what_it_is() -> None:
    first = pictures(0)[0]
    others = [pictures(1)[0], pictures(0, setting=Setting("synthesize", b"request", {"tiny": "b" * 64}))[0]]
    others += [pictures(0, setting=Setting("synthesize", b"other", {"tiny": "a" * 64}))[0]]
    assert len({one.address for one in [first, *others]}) == 4 and first.address == pictures(0)[0].address


def test_a_picture_of_two_jobs_is_drawn_once_and_counts_in_both(kept: Kept) -> None:
    one, other = kept.store.submit(plan(0, 1))[0], kept.store.submit(plan(1, 2))[0]
    claims = kept.server("a").take(9, [SETTING.digest])
    assert sorted(claim.text for claim in claims) == ["tiny:fc8:0", "tiny:fc8:1", "tiny:fc8:2"]
    kept.server("a").finish([drawn(claim.id) for claim in claims])
    assert [kept.store.job(id).state for id in (one.id, other.id)] == [JobState.DONE, JobState.DONE]
    third, known = kept.store.submit(plan(0, 2))
    assert not known and (third.state, third.done, third.found) == (JobState.DONE, 2, 2), "all was there already"
    assert kept.store.delete(one.id) == 0, "its pictures are the others' too"
    assert kept.store.delete(third.id) == 1 and kept.store.delete(other.id) == 2
    assert not list(kept.folder.rglob("*.png"))


def test_pause_cancel_and_resume(kept: Kept) -> None:
    job, server = kept.store.submit(plan(0, 1, 2))[0], kept.server("a")
    claims = server.take(2, [SETTING.digest])
    assert server.renew([one.id for one in claims]) == {one.id for one in claims} and kept.store.job(job.id).running == 2
    assert kept.store.pause(job.id).state is JobState.PAUSED
    assert server.renew([one.id for one in claims]) == set() and server.take(2, [SETTING.digest]) == []
    server.give_back([one.id for one in claims])
    assert kept.store.resume(job.id).state is JobState.RUNNING
    cancelled = kept.store.cancel(job.id)
    assert cancelled.state is JobState.CANCELLED and cancelled.finished_s is not None and cancelled.over
    assert kept.store.pause(job.id).state is JobState.CANCELLED, "what is given up is not paused"
    again, known = kept.store.submit(plan(0, 1, 2))
    assert known and again.state is JobState.RUNNING and again.finished_s is None
    assert len(server.take(9, [SETTING.digest])) == 3


def test_unknown_jobs(kept: Kept) -> None:
    for call in (kept.store.job, kept.store.request, kept.store.pause, kept.store.resume, kept.store.cancel, kept.store.delete):
        with pytest.raises(UnknownJob):
            call("0" * 16)
    with pytest.raises(UnknownJob):
        kept.listing.page("0" * 16, {}, None, -1, 10)


def test_limits(kept: Kept) -> None:
    for unit in range(3):
        kept.store.submit(plan(unit))
    with pytest.raises(NoRoom, match="3 jobs of yours are not over"):
        kept.store.submit(plan(3))
    assert kept.store.submit(plan(2))[1], "one that is there is no further one"
    for unit in range(3, 6):
        kept.store.submit(plan(unit, client="other"))
    with pytest.raises(NoRoom, match="6 jobs, as many as it may"):
        kept.store.submit(plan(6, client="third"))
    kept.store.delete(kept.store.jobs(None, 1)[0].id)
    server = kept.server("a")
    claim = server.take(1, [SETTING.digest])[0]
    server.finish([drawn(claim.id, b"x" * 2**20)])
    with pytest.raises(NoRoom, match="take 1 MiB, as much as they may"):
        kept.store.submit(plan(6, client="third"))


def test_jobs_are_listed_from_the_newest_on(kept: Kept, clock: Clock) -> None:
    ids = []
    for unit in range(3):
        clock.now_s += 1
        ids.insert(0, kept.store.submit(plan(unit))[0].id)
    listed = kept.store.jobs(None, 2)
    assert [one.id for one in listed] == ids[:2]
    assert [one.id for one in kept.store.jobs((listed[-1].created_s, listed[-1].id), 2)] == ids[2:]


def test_the_rate_is_that_of_late(tmp_path: Path) -> None:
    clock = Clock()
    kept = Kept(url_of(str(tmp_path)), tmp_path / "pictures", clock)
    job, server = kept.store.submit(plan(*range(30)))[0], kept.server("a")
    assert job.rate is None and job.remaining_s is None
    claims = server.take(20, [SETTING.digest])
    clock.now_s += 10
    server.finish([drawn(one.id) for one in claims])
    assert kept.store.job(job.id).rate == pytest.approx(2) and kept.store.job(job.id).remaining_s == pytest.approx(5)
    assert kept.store.pause(job.id).remaining_s is None
    clock.now_s += 1000
    assert kept.store.resume(job.id).rate is None, "what was drawn before the pause says nothing"
    kept.database.close()


def test_two_servers_that_submit_the_same_job_at_once_make_one(kept: Kept) -> None:
    kept.store.jobs(None, 1)
    known: list[bool] = []
    threads = [threading.Thread(target=lambda: known.append(kept.store.submit(plan(*range(40)))[1])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(known) == [False, True, True] and len(kept.store.jobs(None, 9)) == 1


def test_a_database_of_another_version_is_left_alone(kept: Kept) -> None:
    kept.store.submit(plan(0))
    with kept.database.writing() as connection:
        connection.execute(update(version).values(version=2))
    other = Database(kept.database.url)
    with pytest.raises(StoreError, match="is of version 2, and this server's is 1"):
        Store(other, Pictures("/none"), Limits(1, 1, 1)).submit(plan(1))


def test_a_database_that_is_not_there() -> None:
    store = Store(Database(url_of("postgresql://nobody:secret@127.0.0.1:1/none")), Pictures("/none"), Limits(1, 1, 1))
    with pytest.raises(StoreError, match="cannot be used") as caught:
        store.submit(plan(0))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "says"),
    [("mysql://host/name", "mysql is not supported"), ("sqlite://", "a database in memory"), ("://", "not a folder, nor a URL")],
)
def test_what_is_no_database(where: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        url_of(where)


def test_nothing_is_made_before_the_first_job(tmp_path: Path) -> None:
    kept = Kept(url_of(str(tmp_path / "jobs")), tmp_path / "jobs/pictures", Clock())
    assert kept.store.jobs(None, 9) == [] and kept.server("a").models() == {} and not (tmp_path / "jobs").exists()
