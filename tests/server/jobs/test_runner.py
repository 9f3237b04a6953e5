"""What a server does with its claims, with a store that is real and pictures that are drawn as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dgnam_server.jobs.claims import MOST_ATTEMPTS, Claim, Claims, Drawn
from dgnam_server.jobs.database import StoreError, url_of
from dgnam_server.jobs.runner import Impossible, Postponed, Runner, owner
from dgnam_server.jobs.schema import JobState
from job_stores import SETTING, Clock, Kept, drawn, plan


class Drawing:
    """Draws as the test says, and knows how often each picture was begun and how many at once."""

    def __init__(self) -> None:
        self.begun: dict[str, int] = {}
        self.going = self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing: Callable[[Claim], Exception | None] = lambda claim: None

    async def __call__(self, claim: Claim, started: Callable[[], None]) -> Drawn:
        unit = claim.text.rpartition(":")[2]
        self.begun[unit] = self.begun.get(unit, 0) + 1
        self.going += 1
        self.most = max(self.most, self.going)
        try:
            await self.gate.wait()
            started()
            if error := self.failing(claim):
                raise error
            return drawn(claim.id)
        finally:
            self.going -= 1


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(url_of(str(tmp_path / "jobs")), tmp_path / "pictures", Clock())


def runner(kept: Kept, drawing: Drawing, claims: Claims | None = None, ahead: int = 4) -> Runner:
    return Runner(claims or kept.server(owner()), drawing, lambda models: "" if "tiny" in models else "no", lambda: ahead)


@asynccontextmanager
async def running(runner: Runner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        await runner.close(task)
        assert task.done() and not runner.in_hand


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(100):
        while not true():
            await asyncio.sleep(0.01)


async def test_it_draws_all_and_no_more_at_once_than_it_may(kept: Kept) -> None:
    drawing = Drawing()
    drawer = runner(kept, drawing)
    async with running(drawer):
        job = kept.store.submit(plan(*range(10)))[0]
        drawer.wake()
        await until(lambda: kept.store.job(job.id).over)
    assert set(drawing.begun.values()) == {1} and drawing.most <= 4 and (drawer.drawn, drawer.failed) == (10, 0)


async def test_failures_are_kept_or_tried_again_and_stop_nothing(kept: Kept) -> None:
    drawing, tries = Drawing(), 0

    def failing(claim: Claim) -> Exception | None:
        nonlocal tries
        match claim.text:
            case "tiny:fc8:0":
                return Impossible("no gradient")
            case "tiny:fc8:1":
                return RuntimeError("internal error 1234")
            case "tiny:fc8:2" if claim.attempt < 3:
                return RuntimeError("once or twice")
        return None

    drawing.failing = failing
    drawer = runner(kept, drawing)
    job = kept.store.submit(plan(*range(5)))[0]
    async with running(drawer):
        drawer.wake()
        await until(lambda: kept.store.job(job.id).over)
    assert drawing.begun == {"0": 1, "1": MOST_ATTEMPTS, "2": 3, "3": 1, "4": 1}
    errors = {row.unit: row.error for row in kept.listing.page(job.id, {}, None, -1, 9).rows}
    assert errors == {0: "no gradient", 1: "internal error 1234 (after 5 attempts)", 2: "", 3: "", 4: ""}
    assert kept.store.job(job.id).state is JobState.DONE and (drawer.drawn, drawer.failed) == (3, 2)


async def test_what_is_postponed_is_no_attempt(kept: Kept) -> None:
    drawing = Drawing()
    drawing.failing = lambda claim: Postponed("the queue is full") if drawing.begun["0"] == 1 else None
    job = kept.store.submit(plan(0))[0]
    async with running(runner(kept, drawing)):
        await until(lambda: kept.store.job(job.id).over)
    assert drawing.begun == {"0": 2} and kept.store.job(job.id).done == 1


async def test_a_job_that_is_paused_is_dropped_at_once(kept: Kept) -> None:
    drawing = Drawing()
    drawing.gate.clear()
    drawer = runner(kept, drawing)
    job = kept.store.submit(plan(0, 1))[0]
    async with running(drawer):
        await until(lambda: drawing.going == 2)
        kept.store.pause(job.id)
        drawer.wake()
        await until(lambda: not drawing.going and not drawer.in_hand)
        assert kept.store.job(job.id).running == 0
        drawing.gate.set()
        kept.store.resume(job.id)
        drawer.wake()
        await until(lambda: kept.store.job(job.id).over)


async def test_a_server_that_stops_gives_back_what_has_not_started(kept: Kept) -> None:
    drawing = Drawing()
    drawing.gate.clear()
    first = runner(kept, drawing)
    job = kept.store.submit(plan(0, 1))[0]
    async with running(first):
        await until(lambda: drawing.going == 2)
        first.stop()
        await until(lambda: not first.in_hand)
    other = Drawing()
    async with running(runner(kept, other)):
        await until(lambda: kept.store.job(job.id).over)
    assert set(other.begun) == {"0", "1"}
    assert [one.attempts for one in kept.listing.page(job.id, {}, None, -1, 9).rows] == [1, 1], "what was given back is no attempt"


async def test_a_store_that_fails_for_a_while_loses_nothing(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    class Shaky(Claims):
        failures = 1

        def finish(self, outcomes: Any) -> None:
            if self.failures:
                self.failures -= 1
                raise StoreError("the disk is full")
            super().finish(outcomes)

    drawing = Drawing()
    drawer = runner(kept, drawing, Shaky(kept.database, kept.files, "shaky", 30))
    job = kept.store.submit(plan(0, 1))[0]
    async with running(drawer):
        await until(lambda: "the disk is full" in caplog.text)
        assert drawer.in_hand == 2, "what is drawn is kept in hand until it is written"
        drawer.wake()
        await until(lambda: kept.store.job(job.id).over)
    assert drawing.begun == {"0": 1, "1": 1}


async def test_what_it_cannot_draw_is_left_to_others(kept: Kept) -> None:
    drawing = Drawing()
    drawer = Runner(kept.server("a"), drawing, lambda models: "tiny is not loaded here", lambda: 4)
    kept.store.submit(plan(0))
    async with running(drawer):
        drawer.wake()
        await asyncio.sleep(0.3)
    assert not drawing.begun and len(kept.server("b").take(1, [SETTING.digest])) == 1
