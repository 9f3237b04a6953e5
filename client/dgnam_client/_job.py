"""A job as its user holds it: watch it, stop it, go on with it, fetch its pictures."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

from ._job_state import JobNews, JobPicture, JobState, PictureKind, PicturePhase
from ._wire import jobs as wire

if TYPE_CHECKING:
    from ._aio_calls import AsyncCalls
    from ._calls import Calls
    from ._job_analysis import JobAnalysis
    from ._result import Result


class _Held:
    """What a job of either kind knows."""

    def __init__(self, calls: Any, state: JobState, resumed: bool, timeout: float | None, places: tuple[str, ...]) -> None:
        self._calls, self._timeout = calls, timeout
        self.state = state
        self.resumed = resumed
        self.places = places

    @property
    def id(self) -> str:
        """Its name on the server."""
        return self.state.id

    def _taken(self, response: Any) -> JobState:
        self.state = wire.state(response.job)
        return self.state

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}, {self.state.phase}: {self.state.done} of {self.state.pictures} pictures>"


class Job(_Held):
    """A job on the server; `Client.submit_job` begins one, or goes on with it, and `Client.job` finds one.

        for news in job.watch():
            print(news.state.done, news.state.remaining_s)

    It goes on on the server whether somebody watches or not.

    Attributes:
        state: How far it is, as last heard.
        resumed: Whether it was there already.
        places: Of what it draws: `model:tap` of each target, or `model` where that is a whole network.
    """

    _calls: Calls

    def refresh(self) -> JobState:
        """Ask how far it is."""
        return self._move("GetJob")

    def watch(self, *, all_pictures: bool = False, timeout: float | None = None) -> Generator[JobNews]:
        """What becomes of it, until it is done or cancelled.

        Args:
            all_pictures: First tell of the pictures that are drawn already.
            timeout: Seconds; None: as long as it takes.

        Raises:
            DgnamError: The server refused, failed or is gone; the job is as it was.
        """
        request = wire.watch_request(self.id, all_pictures)
        for news in self._calls.stream("jobs.WatchJob", request, wire.news, math.inf if timeout is None else timeout):
            self.state = news.state
            yield news

    def wait(self, *, timeout: float | None = None) -> JobState:
        """Wait until it is done or cancelled."""
        for _ in self.watch(timeout=timeout):
            pass
        return self.state

    def pause(self) -> JobState:
        """Have nothing more of it drawn for now."""
        return self._move("PauseJob")

    def resume(self) -> JobState:
        """Go on with it, and try again what failed."""
        return self._move("ResumeJob")

    def cancel(self) -> JobState:
        """Give up what is not drawn."""
        return self._move("CancelJob")

    def delete(self) -> int:
        """Forget it and those of its pictures that no other job has; returns how many these are."""
        count: int = self._calls.work("jobs.DeleteJob", wire.named("DeleteJobRequest", self.id), self._timeout).pictures
        return count

    def pictures(
        self,
        *,
        model: str | None = None,
        tap: str | None = None,
        unit: int | None = None,
        method: str | None = None,
        seed: int | None = None,
        phase: PicturePhase | None = None,
        kind: PictureKind | None = None,
    ) -> Iterator[JobPicture]:
        """Its pictures in the order of templates, targets and seeds, and after them its analyses; each keyword leaves out others."""
        filters = {"model": model, "tap": tap, "unit": unit, "method": method, "seed": seed, "phase": phase, "kind": kind}
        token = ""
        while True:
            response = self._calls.work("jobs.ListJobPictures", wire.pictures_request(self.id, filters, token), self._timeout)
            yield from map(wire.picture, response.pictures)
            if not (token := response.next_page_token):
                return

    def picture(self, picture: JobPicture | str) -> Result:
        """A picture that is drawn: see `Client.job_picture`."""
        id = picture if isinstance(picture, str) else picture.id
        return wire.result(self._calls.work("jobs.GetJobPicture", wire.named("GetJobPictureRequest", id), self._timeout))

    def analysis(self, picture: JobPicture | str) -> JobAnalysis:
        """A picture of it that was not drawn: see `Client.job_analysis`."""
        id = picture if isinstance(picture, str) else picture.id
        return wire.analysis(self._calls.work("jobs.GetJobPicture", wire.named("GetJobPictureRequest", id), self._timeout))

    def _move(self, call: str) -> JobState:
        return self._taken(self._calls.work(f"jobs.{call}", wire.named(f"{call}Request", self.id), self._timeout))


class AsyncJob(_Held):
    """A job on the server, for asyncio: see `Job`."""

    _calls: AsyncCalls

    async def refresh(self) -> JobState:
        """Ask how far it is."""
        return await self._move("GetJob")

    async def watch(self, *, all_pictures: bool = False, timeout: float | None = None) -> AsyncGenerator[JobNews]:
        """What becomes of it, until it is done or cancelled: `Job.watch`."""
        request = wire.watch_request(self.id, all_pictures)
        async for news in self._calls.stream("jobs.WatchJob", request, wire.news, math.inf if timeout is None else timeout):
            self.state = news.state
            yield news

    async def wait(self, *, timeout: float | None = None) -> JobState:
        """Wait until it is done or cancelled."""
        async for _ in self.watch(timeout=timeout):
            pass
        return self.state

    async def pause(self) -> JobState:
        """Have nothing more of it drawn for now."""
        return await self._move("PauseJob")

    async def resume(self) -> JobState:
        """Go on with it, and try again what failed."""
        return await self._move("ResumeJob")

    async def cancel(self) -> JobState:
        """Give up what is not drawn."""
        return await self._move("CancelJob")

    async def delete(self) -> int:
        """Forget it and those of its pictures that no other job has; returns how many these are."""
        response = await self._calls.work("jobs.DeleteJob", wire.named("DeleteJobRequest", self.id), self._timeout)
        count: int = response.pictures
        return count

    async def pictures(
        self,
        *,
        model: str | None = None,
        tap: str | None = None,
        unit: int | None = None,
        method: str | None = None,
        seed: int | None = None,
        phase: PicturePhase | None = None,
        kind: PictureKind | None = None,
    ) -> AsyncIterator[JobPicture]:
        """Its pictures: `Job.pictures`."""
        filters = {"model": model, "tap": tap, "unit": unit, "method": method, "seed": seed, "phase": phase, "kind": kind}
        token = ""
        while True:
            response = await self._calls.work("jobs.ListJobPictures", wire.pictures_request(self.id, filters, token), self._timeout)
            for message in response.pictures:
                yield wire.picture(message)
            if not (token := response.next_page_token):
                return

    async def picture(self, picture: JobPicture | str) -> Result:
        """A picture that is drawn: see `Client.job_picture`."""
        id = picture if isinstance(picture, str) else picture.id
        return wire.result(await self._calls.work("jobs.GetJobPicture", wire.named("GetJobPictureRequest", id), self._timeout))

    async def analysis(self, picture: JobPicture | str) -> JobAnalysis:
        """A picture of it that was not drawn: see `Client.job_analysis`."""
        id = picture if isinstance(picture, str) else picture.id
        return wire.analysis(await self._calls.work("jobs.GetJobPicture", wire.named("GetJobPictureRequest", id), self._timeout))

    async def _move(self, call: str) -> JobState:
        return self._taken(await self._calls.work(f"jobs.{call}", wire.named(f"{call}Request", self.id), self._timeout))
