"""The client for asyncio: the calls of _client.py. What it sends and what it makes of the answers is in _wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast, overload

from . import _wire as wire
from ._aio_calls import AsyncCalls
from ._channel import Connection
from ._errors import InvalidRequestError
from ._options import shows_options
from ._picture_file import is_picture
from ._place import parse_places
from ._search_options import shows_search_options
from ._wire import results
from ._wire.requests import CODE, PIXELS, draw_request, drawing_request, replay_request, waiting

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from ._activations import Activations
    from ._analysis_recipe import AnalysisRecipeLike
    from ._catalog import Methods, Model, UnitInfo
    from ._channel import AsyncToken
    from ._errors import DgnamError
    from ._events import Event, OnEvent, OnIndexedEvent
    from ._exemplars import Exemplars, OnExemplar
    from ._filters import Filters
    from ._invariance import Invariance, OnInvariance
    from ._job import AsyncJob
    from ._job_analysis import JobAnalysis
    from ._job_state import JobPicturePage, JobState, PictureKind, PicturePhase
    from ._occlusion import Occlusion, OnOcclusion
    from ._options import Determinism, Included, Priority
    from ._picture import Picture
    from ._picture_file import PictureLike
    from ._place import PlaceLike
    from ._projection import OnProjection, Projection
    from ._receptive_field import ReceptiveField
    from ._result import Result
    from ._search import AsyncSearch
    from ._search_state import Optimizer, SearchState
    from ._server import Load, ServerInfo
    from ._target import TargetLike
    from ._wire.analyses import OnAnalysis
    from ._wire.requests import RecipeLike


class AsyncClient:
    """A dgnam server's calls, for asyncio. See Client: arguments, results and errors are the same.

    The first call opens the channel; a call from another event loop opens another one. In a process that is forked from one whose
    AsyncClient has made a call every call raises RuntimeError, as gRPC's asyncio does not survive the fork.
    Cancelling the task of a call stops the server's work. `token` may also be a coroutine function.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        token: AsyncToken | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        cert_file: str | os.PathLike[str] | None = None,
        key_file: str | os.PathLike[str] | None = None,
        timeout: float = 10.0,
        synthesis_timeout: float = 600.0,
    ) -> None:
        self._calls = AsyncCalls(Connection.of(server, token, ca_file, cert_file, key_file), timeout, synthesis_timeout)

    @property
    def server(self) -> str:
        """The server's address."""
        return self._calls.server

    @overload
    async def synthesize(
        self, target: TargetLike, *, variants: None = None, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result: ...
    @overload
    async def synthesize(
        self, target: TargetLike, *, variants: int, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result | list[Result]: ...
    @shows_options
    async def synthesize(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: OnEvent | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Result | list[Result]:
        """Draw the picture that a target prefers, with a prior: `Client.synthesize`."""
        return await self._calls.draw(drawing_request(CODE, target, {"variants": variants, **options}), timeout, on_progress)

    @shows_options
    def stream(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Any
    ) -> AsyncGenerator[Event]:
        """Draw, and tell what happens meanwhile: `Client.stream`. `aclose()` stops the server's work."""
        return self._calls.events(drawing_request(CODE, target, {"variants": variants, **options}), timeout)

    @overload
    async def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: None = None,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> list[Result | DgnamError]: ...
    @overload
    async def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> list[Result | list[Result] | DgnamError]: ...
    @shows_options
    async def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """Draw a picture for each of several targets, at the same time: `Client.synthesize_many`."""
        requests = [drawing_request(CODE, target, {"variants": variants, **options}) for target in targets]
        return await self._calls.draw_many(requests, timeout, on_progress, concurrency)

    @overload
    async def synthesize_pixels(
        self, target: TargetLike, *, variants: None = None, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result: ...
    @overload
    async def synthesize_pixels(
        self, target: TargetLike, *, variants: int, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result | list[Result]: ...
    @shows_options
    async def synthesize_pixels(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: OnEvent | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Result | list[Result]:
        """Draw the picture that a target prefers, without a prior: `Client.synthesize_pixels`."""
        return await self._calls.draw(drawing_request(PIXELS, target, {"variants": variants, **options}), timeout, on_progress)

    @shows_options
    def stream_pixels(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Any
    ) -> AsyncGenerator[Event]:
        """Draw as `synthesize_pixels` does, and tell what happens meanwhile: `Client.stream_pixels`."""
        return self._calls.events(drawing_request(PIXELS, target, {"variants": variants, **options}), timeout)

    @overload
    async def synthesize_pixels_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: None = None,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> list[Result | DgnamError]: ...
    @overload
    async def synthesize_pixels_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> list[Result | list[Result] | DgnamError]: ...
    @shows_options
    async def synthesize_pixels_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """`synthesize_pixels` for each of several targets, at the same time: `Client.synthesize_pixels_many`."""
        requests = [drawing_request(PIXELS, target, {"variants": variants, **options}) for target in targets]
        return await self._calls.draw_many(requests, timeout, on_progress, concurrency)

    async def replay(
        self,
        recipe: RecipeLike,
        *,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnEvent | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Draw a recipe's picture again: `Client.replay`."""
        request = waiting(replay_request(recipe), priority, queue_timeout_s)
        return cast("Result", await self._calls.draw(request, timeout, on_progress))

    async def draw(
        self,
        codes: ArrayLike,
        *,
        prior: str | None = None,
        include: Iterable[Included] | None = None,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        timeout: float | None = None,
    ) -> Picture | list[Picture]:
        """Draw the pictures of codes with a prior: `Client.draw`."""
        request = waiting(draw_request(codes, prior, include), priority, queue_timeout_s)
        return results.pictures(request, await self._calls.work("synthesis.Draw", request, timeout))

    async def activations(
        self,
        pictures: PictureLike | Iterable[PictureLike],
        places: PlaceLike | Iterable[PlaceLike],
        *,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        timeout: float | None = None,
    ) -> Activations:
        """The activations that pictures give units, or whole taps: `Client.activations`."""
        where = parse_places(places)
        request = waiting(wire.analyses.activations_request(pictures, where), priority, queue_timeout_s)
        response = await self._calls.work("analysis.Activations", request, timeout)
        return results.activations(where, response, single=is_picture(pictures))

    @shows_search_options
    async def search(self, name: str | None = None, *, timeout: float | None = None, **options: Any) -> AsyncSearch:
        """Begin a search for what a neuron of yours prefers, or go on with one: `Client.search`."""
        from ._search import AsyncSearch

        response = await self._calls.work("search.CreateSearch", wire.searches.create_request(name, options), timeout)
        return AsyncSearch(self._calls, wire.searches.state(response.search), response.resumed, timeout)

    async def searches(self, *, timeout: float | None = None) -> list[SearchState]:
        """Every search on the server: `Client.searches`."""
        return wire.searches.listed(await self._calls.ask("search.ListSearches", wire.searches.list_request(), timeout))

    async def delete_search(self, name: str, *, timeout: float | None = None) -> None:
        """Have the server forget a search: `Client.delete_search`."""
        await self._calls.ask("search.DeleteSearch", wire.searches.delete_request(name), timeout)

    async def optimizers(self, *, timeout: float | None = None) -> list[Optimizer]:
        """The optimizers of searches: `Client.optimizers`."""
        return wire.searches.optimizers(await self._calls.ask("search.ListOptimizers", wire.searches.optimizers_request(), timeout))

    async def submit_job(
        self,
        targets: TargetLike | Iterable[TargetLike],
        *,
        seeds: int = 1,
        pixels: bool = False,
        templates: Sequence[Mapping[str, Any]] | None = None,
        title: str | None = None,
        exemplars: int | Mapping[str, Any] | None = None,
        occlusion: int | Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> AsyncJob:
        """Have the server draw many pictures: `Client.submit_job`."""
        if templates is not None and (options or pixels):
            raise InvalidRequestError("templates: each of them says how to draw: leave pixels and other options out")
        beside = {"exemplars": exemplars, "occlusion": occlusion}
        request = wire.jobs.submit_request(targets, templates or [{"pixels": pixels, **options}], seeds, title, beside)
        response = await self._calls.work("jobs.SubmitJob", request, timeout)
        from ._job import AsyncJob  # only those who have jobs need it

        return AsyncJob(self._calls, wire.jobs.state(response.job), response.resumed, timeout, wire.jobs.places(request))

    async def job(self, id: str, *, timeout: float | None = None) -> AsyncJob:
        """A job that the server keeps: `Client.job`."""
        response = await self._calls.work("jobs.GetJob", wire.jobs.named("GetJobRequest", id), timeout)
        from ._job import AsyncJob

        return AsyncJob(self._calls, wire.jobs.state(response.job), True, timeout, wire.jobs.places(response.request))

    async def jobs(self, *, timeout: float | None = None) -> list[JobState]:
        """Every job that the server keeps, the newest first."""
        found: list[JobState] = []
        token = ""
        while True:
            response = await self._calls.work("jobs.ListJobs", wire.jobs.list_request(token), timeout)
            found += map(wire.jobs.state, response.jobs)
            if not (token := response.next_page_token):
                return found

    async def job_pictures(
        self,
        job: str | None = None,
        *,
        model: str | None = None,
        tap: str | None = None,
        unit: int | None = None,
        method: str | None = None,
        seed: int | None = None,
        phase: PicturePhase | None = None,
        kind: PictureKind | None = None,
        page_size: int = 100,
        page_token: str = "",
        timeout: float | None = None,
    ) -> JobPicturePage:
        """Some of the pictures of a job, or of all: `Client.job_pictures`."""
        filters = {"model": model, "tap": tap, "unit": unit, "method": method, "seed": seed, "phase": phase, "kind": kind}
        request = wire.jobs.pictures_request(job, filters, page_token, page_size)
        return wire.jobs.page(await self._calls.work("jobs.ListJobPictures", request, timeout))

    async def job_picture(self, id: str, *, timeout: float | None = None) -> Result:
        """A picture of a job: `Client.job_picture`."""
        return wire.jobs.result(await self._calls.work("jobs.GetJobPicture", wire.jobs.named("GetJobPictureRequest", id), timeout))

    async def job_analysis(self, id: str, *, timeout: float | None = None) -> JobAnalysis:
        """What a job shows beside the pictures that it draws: `Client.job_analysis`."""
        return wire.jobs.analysis(await self._calls.work("jobs.GetJobPicture", wire.jobs.named("GetJobPictureRequest", id), timeout))

    async def project(
        self,
        pictures: PictureLike | Iterable[PictureLike],
        place: PlaceLike,
        *,
        method: str | None = None,
        top: int | None = None,
        layer: str | None = None,
        enlarge: bool | None = None,
        determinism: Determinism | None = None,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnProjection | None = None,
        timeout: float | None = None,
        **options: float,
    ) -> Projection | list[Projection]:
        """What in a picture an activation comes from: `Client.project`."""
        fields = {"method": method, "top": top, "layer": layer, "enlarge": enlarge, "determinism": determinism}
        request = waiting(wire.analyses.project_request(pictures, place, fields, options), priority, queue_timeout_s)
        events = await self._calls.analyse("analysis.Project", request, wire.analyses.projection_event, timeout, on_progress)
        found = wire.analyses.projections(events, request)
        return found[0] if is_picture(pictures) else found

    async def occlude(
        self,
        pictures: PictureLike | Iterable[PictureLike],
        places: PlaceLike | Iterable[PlaceLike],
        *,
        size: int | None = None,
        stride: int | None = None,
        colour: float | Sequence[float] | None = None,
        determinism: Determinism | None = None,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnOcclusion | None = None,
        timeout: float | None = None,
    ) -> Occlusion | list[Occlusion]:
        """Slide a square over a picture: `Client.occlude`."""
        fields = {"size": size, "stride": stride, "colour": colour, "determinism": determinism}
        request = waiting(wire.analyses.occlude_request(pictures, places, fields), priority, queue_timeout_s)
        events = await self._calls.analyse("analysis.Occlude", request, wire.analyses.occlusion_event, timeout, on_progress)
        found = wire.analyses.occlusions(events, request)
        return found[0] if is_picture(pictures) else found

    async def exemplars(
        self,
        unit: PlaceLike,
        *,
        count: int | None = None,
        index: str | None = None,
        project: bool | None = None,
        method: str | None = None,
        layer: str | None = None,
        determinism: Determinism | None = None,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnExemplar | None = None,
        timeout: float | None = None,
        **options: float,
    ) -> Exemplars:
        """The photographs that excite a unit most: `Client.exemplars`."""
        fields = {"count": count, "index": index, "project": project, "method": method, "layer": layer, "determinism": determinism}
        request = waiting(wire.analyses.exemplars_request(unit, fields, options), priority, queue_timeout_s)
        events = await self._calls.analyse("analysis.Exemplars", request, wire.analyses.exemplar_event, timeout, on_progress)
        return wire.analyses.exemplars(events, request)

    async def transform(
        self,
        pictures: PictureLike | Iterable[PictureLike],
        places: PlaceLike | Iterable[PlaceLike],
        *,
        translations: Sequence[float] | None = None,
        rotations: Sequence[float] | None = None,
        scales: Sequence[float] | None = None,
        colour: float | Sequence[float] | None = None,
        determinism: Determinism | None = None,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnInvariance | None = None,
        timeout: float | None = None,
    ) -> Invariance | list[Invariance]:
        """Move, turn and scale a picture: `Client.transform`."""
        amounts = {"translations": translations, "rotations": rotations, "scales": scales}
        fields = {**amounts, "colour": colour, "determinism": determinism}
        request = waiting(wire.analyses.transform_request(pictures, places, fields), priority, queue_timeout_s)
        events = await self._calls.analyse("analysis.Transform", request, wire.analyses.invariance_event, timeout, on_progress)
        found = wire.analyses.invariances(events, request)
        return found[0] if is_picture(pictures) else found

    async def filters(self, model: str, *, shared_scale: bool = False, timeout: float | None = None) -> Filters:
        """A network's first-layer filters: `Client.filters`."""
        response = await self._calls.ask("analysis.GetFilters", wire.analyses.filters_request(model, shared_scale), timeout)
        return wire.analyses.filters(model, response)

    async def replay_analysis(
        self,
        recipe: AnalysisRecipeLike,
        *,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnAnalysis | None = None,
        timeout: float | None = None,
    ) -> Projection | Occlusion | Invariance:
        """Make a projection, an occlusion or an invariance again: `Client.replay_analysis`."""
        replay = wire.analyses.replay(recipe)
        request = waiting(replay.request, priority, queue_timeout_s)
        return replay.result(await self._calls.analyse(replay.call, request, replay.event, timeout, on_progress))

    async def models(self, *, timeout: float | None = None) -> list[Model]:
        """The server's models: `Client.models`."""
        return wire.catalog.models(await self._calls.ask("catalog.ListModels", wire.catalog.models_request(), timeout))

    async def model(self, name: str, *, timeout: float | None = None) -> Model:
        """One model, with everything about it: `Client.model`."""
        return wire.catalog.model((await self._calls.ask("catalog.GetModel", wire.catalog.model_request(name), timeout)).model)

    async def receptive_field(self, model: str, tap: str, *, timeout: float | None = None) -> ReceptiveField | None:
        """Which pixels each position of a convolutional tap's map sees: `Client.receptive_field`."""
        return wire.catalog.receptive_field(
            tap, await self._calls.work("catalog.GetModel", wire.catalog.field_request(model, tap), timeout)
        )

    async def units(self, model: str, tap: str | None = None, *, filter: str | None = None, timeout: float | None = None) -> list[UnitInfo]:
        """The units of a tap: `Client.units`."""
        units, token = [], ""
        while True:
            page = await self._calls.ask("catalog.ListUnits", wire.catalog.units_request(model, tap, filter, token), timeout)
            units += wire.catalog.units(page)
            token = page.next_page_token
            if not token:
                return units

    async def methods(self, *, timeout: float | None = None) -> Methods:
        """The server's methods: `Client.methods`."""
        return wire.catalog.methods(await self._calls.ask("catalog.ListMethods", wire.catalog.methods_request(), timeout))

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """The server's version, device and limits: `Client.server_info`."""
        return wire.catalog.server_info(await self._calls.ask("server.GetServerInfo", wire.catalog.server_info_request(), timeout))

    async def load(self, *, timeout: float | None = None) -> Load:
        """How busy the server is: `Client.load`."""
        return wire.catalog.load(await self._calls.ask("server.GetLoad", wire.catalog.load_request(), timeout))

    async def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The standard health check: `Client.health`."""
        return wire.catalog.health((await self._calls.ask("health", wire.catalog.health_request(service), timeout)).value)

    async def close(self) -> None:
        """Close the channel. Calls under way end as cancelled, and later ones raise RuntimeError."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient {self.server}>"
