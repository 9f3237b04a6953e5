"""Servers that share a store: each picture is one's at a time, and nobody's for long."""

import threading

import pytest
from dgnam_server.jobs.claims import MOST_ATTEMPTS, Failed
from dgnam_server.jobs.plan import Plan, Setting
from dgnam_server.jobs.schema import JobState, PictureState
from job_stores import SETTING, Clock, Kept, drawn, pictures, plan


def texts(claims: list) -> list[str]:  # type: ignore[type-arg]
    return [one.text.removeprefix("tiny:fc8:") for one in claims]


def test_no_two_servers_have_one_picture(kept: Kept) -> None:
    kept.store.submit(plan(*range(60)))
    taken: list[str] = []

    def work(name: str) -> None:
        server = kept.server(name)
        while claims := server.take(7, [SETTING.digest]):
            taken.extend(texts(claims))
            server.finish([drawn(one.id) for one in claims])

    threads = [threading.Thread(target=work, args=(f"server {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, taken)) == list(range(60))
    job = kept.store.jobs(None, 1)[0]
    assert (job.state, job.done, job.failed) == (JobState.DONE, 60, 0)


def test_what_a_killed_server_had_is_taken_over_and_the_first_result_counts(kept: Kept, clock: Clock) -> None:
    job = kept.store.submit(plan(0, 1))[0]
    dead, other = kept.server("dead"), kept.server("other")
    lost = dead.take(2, [SETTING.digest])
    assert other.take(2, [SETTING.digest]) == []
    if kept.database.url.get_backend_name() == "sqlite":
        clock.now_s += 31
    else:  # its own clock counts, which no test can move: so the lease is
        kept.server("dead", lease_s=-1).renew([one.id for one in lost])
    found = other.take(2, [SETTING.digest])
    assert texts(found) == texts(lost) and [one.attempt for one in found] == [2, 2]
    assert dead.renew([one.id for one in lost]) == set(), "not dead after all, it hears that they are another's"
    dead.finish([drawn(lost[0].id, b"its own")])
    other.finish([drawn(one.id, b"the other's") for one in found])
    row, _ = kept.listing.picture(lost[0].address)
    assert kept.files.get(row.png) == b"its own" and kept.store.job(job.id).done == 2


def test_jobs_share(kept: Kept) -> None:
    kept.store.submit(plan(*range(50)))
    kept.store.submit(plan(100, 101))
    assert texts(kept.server("a").take(8, [SETTING.digest])) == ["0", "1", "2", "3", "100", "101", "4", "5"]


def test_only_what_the_server_can_draw(kept: Kept) -> None:
    kept.store.submit(plan(0))
    server = kept.server("a")
    assert server.models() == {SETTING.digest: {"tiny": "a" * 64}}
    assert server.take(9, ["0" * 64]) == [] and len(server.take(9, [SETTING.digest, "0" * 64])) == 1


def test_failures_are_kept_and_tried_again_by_every_job_that_has_them(kept: Kept) -> None:
    one, other = kept.store.submit(plan(0, 1))[0], kept.store.submit(plan(0, 2))[0]
    server = kept.server("a")
    claims = {claim.text[-1]: claim.id for claim in server.take(9, [SETTING.digest])}
    server.finish([Failed(claims["0"], "it is not to be"), drawn(claims["1"]), drawn(claims["2"])])
    assert [(kept.store.job(id).state, kept.store.job(id).failed) for id in (one.id, other.id)] == [(JobState.DONE, 1)] * 2
    row, result = kept.listing.picture(pictures(0)[0].address)
    assert (row.state, row.error, result) == (PictureState.FAILED, "it is not to be", b"")
    kept.store.resume(one.id)
    assert [(kept.store.job(id).state, kept.store.job(id).failed) for id in (one.id, other.id)] == [(JobState.RUNNING, 0)] * 2
    server.finish([drawn(claim.id) for claim in server.take(9, [SETTING.digest])])
    assert [(kept.store.job(id).state, kept.store.job(id).done) for id in (one.id, other.id)] == [(JobState.DONE, 2)] * 2


def test_a_picture_that_ends_every_server_is_given_up(kept: Kept) -> None:
    job, server = kept.store.submit(plan(0, 1))[0], kept.server("a", lease_s=-1)  # a lease that has run out at once
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert [one.attempt for one in server.take(1, [SETTING.digest])] == [attempt]
    assert texts(server.take(2, [SETTING.digest])) == ["1"]
    assert kept.store.job(job.id).failed == 1
    assert "its server ended each time" in kept.listing.picture(pictures(0)[0].address)[0].error


def test_what_is_given_back_counts_only_where_it_was_tried(kept: Kept) -> None:
    kept.store.submit(plan(0))
    server = kept.server("a")
    for counted, attempt in ((False, 1), (True, 1), (False, 2)):
        claim = server.take(1, [SETTING.digest])[0]
        assert claim.attempt == attempt
        server.give_back([claim.id], counted=counted)


def test_pages(kept: Kept) -> None:
    job = kept.store.submit(plan(*range(5)))[0]
    page = kept.listing.page(job.id, {}, None, -1, 3)
    assert ([row.unit for row in page.rows], page.total, page.more) == ([0, 1, 2], 5, True)
    page = kept.listing.page(job.id, {}, None, page.last, 3)
    assert ([row.unit for row in page.rows], page.more) == ([3, 4], False)
    kept.server("a").take(2, [SETTING.digest])
    assert [row.unit for row in kept.listing.page(None, {"state": PictureState.OPEN}, True, -1, 9).rows] == [0, 1]
    assert [row.unit for row in kept.listing.page(job.id, {"tap": "fc8", "unit": 4}, False, -1, 9).rows] == [4]


def test_pages_of_a_kind(kept: Kept) -> None:
    of_photographs = Setting("exemplar", b"request", {"tiny": "a" * 64, "tiny/photographs": "b" * 64})
    drawn_and_shown = [*pictures(0), *pictures(0, 1, setting=of_photographs)]
    job = kept.store.submit(Plan(drawn_and_shown, b"request", "a job", "me"))[0]
    assert [row.kind for row in kept.listing.page(job.id, {}, None, -1, 9).rows] == ["synthesize", "exemplar", "exemplar"]
    assert [row.unit for row in kept.listing.page(job.id, {"kind": ("exemplar", "projection")}, None, -1, 9).rows] == [0, 1]
    assert kept.listing.page(job.id, {"kind": ()}, None, -1, 9).total == 0


@pytest.mark.parametrize("unit", [0])
def test_pictures_that_ended_are_told_in_order(kept: Kept, clock: Clock, unit: int) -> None:
    job, server = kept.store.submit(plan(unit, 1))[0], kept.server("a")
    since = kept.listing.now()
    for claim in server.take(2, [SETTING.digest]):
        clock.now_s += 1
        server.finish([drawn(claim.id)])
    assert [row.unit for row in kept.listing.finished(job.id, since)] == [0, 1]
