"""The client for threads. What it sends and what it makes of the answers is in _wire; how it calls, in _calls.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast, overload

from . import _wire as wire
from ._calls import Calls
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
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from ._activations import Activations
    from ._analysis_recipe import AnalysisRecipeLike
    from ._catalog import Methods, Model, UnitInfo
    from ._channel import Token
    from ._errors import DgnamError
    from ._events import Event, OnEvent, OnIndexedEvent
    from ._exemplars import Exemplars, OnExemplar
    from ._filters import Filters
    from ._invariance import Invariance, OnInvariance
    from ._job import Job
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
    from ._search import Search
    from ._search_state import Optimizer, SearchState
    from ._server import Load, ServerInfo
    from ._target import TargetLike
    from ._wire.analyses import OnAnalysis
    from ._wire.requests import RecipeLike


class Client:
    """A dgnam server's calls, for threads.

    The first call opens the channel. One client may be used from many threads at once, and after a fork the child's first call
    opens a channel of its own. Every call raises `DgnamError`, of the kind that fits.

    Args:
        server: `host:port`, or `grpcs://host:port` for TLS; default: DGNAM_SERVER, or else `DEFAULT_SERVER`.
        token: The bearer token, or a function that gives it before each call; default: DGNAM_TOKEN, or else none. Without TLS it
            travels in clear text.
        ca_file: PEM certificates to trust in place of the system's.
        cert_file: This client's PEM certificate, where the server asks for one.
        key_file: Its PEM key.
        timeout: Seconds that a quick call may take.
        synthesis_timeout: Seconds that the server may take to draw or look at pictures. Where it draws for units, time in its queue
            does not count.

    Every call has a `timeout` of its own, which overrides these; `math.inf` is none.

    Raises:
        InvalidRequestError: The address is malformed, DGNAM_SERVER or DGNAM_TOKEN is mistyped, or the files do not fit the address
            or each other.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        token: Token | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        cert_file: str | os.PathLike[str] | None = None,
        key_file: str | os.PathLike[str] | None = None,
        timeout: float = 10.0,
        synthesis_timeout: float = 600.0,
    ) -> None:
        self._calls = Calls(Connection.of(server, token, ca_file, cert_file, key_file), timeout, synthesis_timeout)

    @property
    def server(self) -> str:
        """The server's address."""
        return self._calls.server

    @overload
    def synthesize(
        self, target: TargetLike, *, variants: None = None, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result: ...
    @overload
    def synthesize(
        self, target: TargetLike, *, variants: int, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result | list[Result]: ...
    @shows_options
    def synthesize(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: OnEvent | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Result | list[Result]:
        """Draw the picture that a target prefers, with a prior.

        Args:
            target: An address, `model:tap:unit`; `+` between addresses, a list of them, or a dict from address to weight puts
                several units into one picture.
            variants: How many pictures, each from its own seed.
            on_progress: Called with each event as it comes.
            timeout: Seconds that the server may take, from the first step; waiting in its queue does not count.
            **options: See SynthesisOptions; every other keyword is an option of the method, such as `steps=100`.

        Returns:
            The picture; with `variants` of two or more, the list of them.

        Raises:
            InvalidAddressError: Something in the target is not an address.
            InvalidRequestError: An option's value has the wrong type, or the server says that the method has no such option.
            DgnamError: The server refused or failed.
        """
        return self._calls.draw(drawing_request(CODE, target, {"variants": variants, **options}), timeout, on_progress)

    @shows_options
    def stream(self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Any) -> Generator[Event]:
        """Draw as `synthesize` does, and tell what happens meanwhile.

        Yields:
            Queued, Started, Progress (with previews where `preview_interval` asks for them), and a Result per variant. Closing
            the generator stops the server's work.

        Raises:
            DgnamError: As `synthesize`; a bad argument at once, what the server says while iterating.
        """
        return self._calls.events(drawing_request(CODE, target, {"variants": variants, **options}), timeout)

    @overload
    def synthesize_many(
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
    def synthesize_many(
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
    def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """Draw a picture for each of several targets, at the same time.

        Args:
            targets: As `synthesize` takes one.
            variants: How many pictures of each.
            on_progress: Called in this thread with a target's index and an event. What it raises stops all work.
            concurrency: How many requests are with the server at once.
            timeout: Seconds for each target, as in `synthesize`.
            **options: As in `synthesize`; the same for all.

        Returns:
            In the order of the targets, what `synthesize` would have returned, or the DgnamError that it would have raised.

        Raises:
            InvalidAddressError: Something in a target is not an address; nothing has been sent then.
            InvalidRequestError: An option's value has the wrong type; nothing has been sent then.
        """
        requests = [drawing_request(CODE, target, {"variants": variants, **options}) for target in targets]
        return self._calls.draw_many(requests, timeout, on_progress, concurrency)

    @overload
    def synthesize_pixels(
        self, target: TargetLike, *, variants: None = None, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result: ...
    @overload
    def synthesize_pixels(
        self, target: TargetLike, *, variants: int, on_progress: OnEvent | None = None, timeout: float | None = None, **options: Any
    ) -> Result | list[Result]: ...
    @shows_options
    def synthesize_pixels(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: OnEvent | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Result | list[Result]:
        """Draw the picture that a target prefers by optimizing the picture itself, without a prior.

        As `synthesize`, with the methods whose `pixels` is true in `methods()`.
        """
        return self._calls.draw(drawing_request(PIXELS, target, {"variants": variants, **options}), timeout, on_progress)

    @shows_options
    def stream_pixels(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Any
    ) -> Generator[Event]:
        """Draw as `synthesize_pixels` does, and tell what happens meanwhile: see `stream`."""
        return self._calls.events(drawing_request(PIXELS, target, {"variants": variants, **options}), timeout)

    @overload
    def synthesize_pixels_many(
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
    def synthesize_pixels_many(
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
    def synthesize_pixels_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: OnIndexedEvent | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """`synthesize_pixels` for each of several targets, at the same time: see `synthesize_many`."""
        requests = [drawing_request(PIXELS, target, {"variants": variants, **options}) for target in targets]
        return self._calls.draw_many(requests, timeout, on_progress, concurrency)

    def replay(
        self,
        recipe: RecipeLike,
        *,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnEvent | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Draw a recipe's picture again.

        The picture is the same where weights, versions and device are; `Recipe.differences` tells whether they are.

        Args:
            recipe: A result's recipe, its dict or JSON text, or the path of its file.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            on_progress: Called with each event as it comes.
            timeout: As in `synthesize`.

        Raises:
            InvalidRequestError: It is not a recipe.
            DgnamError: The server refused or failed.
        """
        request = waiting(replay_request(recipe), priority, queue_timeout_s)
        return cast("Result", self._calls.draw(request, timeout, on_progress))

    def draw(
        self,
        codes: ArrayLike,
        *,
        prior: str | None = None,
        include: Iterable[Included] | None = None,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        timeout: float | None = None,
    ) -> Picture | list[Picture]:
        """Draw the pictures of codes with a prior; nothing is optimized.

        Args:
            codes: A code, shape (code size,), such as `Result.code`; or several, shape (codes, code size).
            prior: The prior's name; default: the server's default prior.
            include: Which parts the server sends, of "png" and "image"; default: both.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            timeout: Seconds, waiting included.

        Returns:
            The picture of one code; the list of them for several.

        Raises:
            InvalidRequestError: The codes have the wrong shape, or do not fit the prior.
            DgnamError: The server refused or failed.
        """
        request = waiting(draw_request(codes, prior, include), priority, queue_timeout_s)
        return results.pictures(request, self._calls.work("synthesis.Draw", request, timeout))

    def activations(
        self,
        pictures: PictureLike | Iterable[PictureLike],
        places: PlaceLike | Iterable[PlaceLike],
        *,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        timeout: float | None = None,
    ) -> Activations:
        """The activations that pictures give units, or whole taps, before the layer's ReLU.

        Args:
            pictures: A picture (a PIL image, a path, a file's bytes, or a Result), or several; each is scaled and cropped to the
                networks' inputs.
            places: An address, or several: `model:tap` for a whole tap, `model:tap:unit` for one unit, `model` for its output tap;
                `@y,x` at the end is one position of a convolutional tap's map.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            timeout: Seconds, waiting included.

        Returns:
            An array for each place; its first axis is the pictures, where they are a list. Where the server has an index of photographs,
            `.percentiles` says how they compare with photographs'.

        Raises:
            InvalidAddressError: Something in the places is not an address.
            InvalidRequestError: Something is not a picture.
            NotFoundError: No such model, tap or unit.
            OSError: A picture file cannot be read.
        """
        where = parse_places(places)
        request = waiting(wire.analyses.activations_request(pictures, where), priority, queue_timeout_s)
        response = self._calls.work("analysis.Activations", request, timeout)
        return results.activations(where, response, single=is_picture(pictures))

    @shows_search_options
    def search(self, name: str | None = None, *, timeout: float | None = None, **options: Any) -> Search:
        """Begin a search for what a neuron of yours prefers, or go on with one. You measure, the server draws and optimizes.

            for pictures in client.search("my-neuron", optimizer="cma"):
                ...

        Args:
            name: Its name on the server; default: a new one. Where there is one of this name, the call goes on with it, after a crash
                for example; the arguments given must then be those it was begun with.
            timeout: Seconds that each call of the search may take.
            **options: See SearchOptions; every other keyword is an option of the optimizer, such as `population=40`.

        Raises:
            InvalidRequestError: An option has the wrong type or is out of its range.
            NotFoundError: No such prior or optimizer.
            SearchError: There is a search of this name that was begun with other options, or too many are kept.
        """
        from ._search import Search

        response = self._calls.work("search.CreateSearch", wire.searches.create_request(name, options), timeout)
        return Search(self._calls, wire.searches.state(response.search), response.resumed, timeout)

    def searches(self, *, timeout: float | None = None) -> list[SearchState]:
        """Every search on the server, without its history. `search(name)` goes on with one."""
        return wire.searches.listed(self._calls.ask("search.ListSearches", wire.searches.list_request(), timeout))

    def delete_search(self, name: str, *, timeout: float | None = None) -> None:
        """Have the server forget a search.

        Raises:
            NotFoundError: No such search.
        """
        self._calls.ask("search.DeleteSearch", wire.searches.delete_request(name), timeout)

    def optimizers(self, *, timeout: float | None = None) -> list[Optimizer]:
        """The optimizers of searches with their options, the default first."""
        return wire.searches.optimizers(self._calls.ask("search.ListOptimizers", wire.searches.optimizers_request(), timeout))

    def submit_job(
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
    ) -> Job:
        """Have the server draw many pictures, whether this client stays or not; or go on with the job of these pictures.

        Args:
            targets: Networks (`model`), taps (`model:tap`), units (`model:tap:unit`), or several units for one picture, as `synthesize`
                takes them; one or a list.
            seeds: How many pictures of each, from `seed` on.
            pixels: Whether the method draws without a prior: see `methods()`.
            templates: In place of `pixels` and options: several ways to draw each target, a dict of them each.
            title: A line for people.
            exemplars: Beside the pictures of each unit so many of its strongest photographs with their projections, of an index that the
                server has; or a dict of the keywords of `exemplars`, such as {"count": 9, "project": False}.
            occlusion: Of so many of these photographs also an occlusion map; or a dict of the keywords of `occlude`, and `count`.
            timeout: Seconds that taking it in may take.
            **options: As of `synthesize`, without balance, readout, include and preview_interval.

        Returns:
            The job. The same pictures are the same job, and what was drawn is not drawn again.

        Raises:
            InvalidAddressError: Something in the targets is no address.
            InvalidRequestError: The server says what is wrong with the request; nothing has begun.
            NotReadyError: The server keeps no jobs, or no more, or has no photographs for some of the units.
        """
        if templates is not None and (options or pixels):
            raise InvalidRequestError("templates: each of them says how to draw: leave pixels and other options out")
        beside = {"exemplars": exemplars, "occlusion": occlusion}
        request = wire.jobs.submit_request(targets, templates or [{"pixels": pixels, **options}], seeds, title, beside)
        response = self._calls.work("jobs.SubmitJob", request, timeout)
        from ._job import Job  # only those who have jobs need it

        return Job(self._calls, wire.jobs.state(response.job), response.resumed, timeout, wire.jobs.places(request))

    def job(self, id: str, *, timeout: float | None = None) -> Job:
        """A job that the server keeps.

        Raises:
            NotFoundError: There is none of this id.
        """
        response = self._calls.work("jobs.GetJob", wire.jobs.named("GetJobRequest", id), timeout)
        from ._job import Job

        return Job(self._calls, wire.jobs.state(response.job), True, timeout, wire.jobs.places(response.request))

    def jobs(self, *, timeout: float | None = None) -> list[JobState]:
        """Every job that the server keeps, the newest first."""
        found: list[JobState] = []
        token = ""
        while True:
            response = self._calls.work("jobs.ListJobs", wire.jobs.list_request(token), timeout)
            found += map(wire.jobs.state, response.jobs)
            if not (token := response.next_page_token):
                return found

    def job_pictures(
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
        """Some of the pictures of a job, or of all jobs; each keyword leaves out others. `Job.pictures` gives all of a job.

        Args:
            job: A job's id; None: all jobs.
            page_size: At most so many; the server gives at most 1000.
            page_token: The `next_token` of the page before, with the same arguments otherwise.

        Raises:
            NotFoundError: There is no job of this id.
            NotReadyError: The server keeps no jobs.
        """
        filters = {"model": model, "tap": tap, "unit": unit, "method": method, "seed": seed, "phase": phase, "kind": kind}
        request = wire.jobs.pictures_request(job, filters, page_token, page_size)
        return wire.jobs.page(self._calls.work("jobs.ListJobPictures", request, timeout))

    def job_picture(self, id: str, *, timeout: float | None = None) -> Result:
        """A picture of a job, by its id: a Result without array, code and history.

        Raises:
            NotFoundError: There is none of this id.
            NotReadyError: It is not drawn yet, or has failed.
        """
        return wire.jobs.result(self._calls.work("jobs.GetJobPicture", wire.jobs.named("GetJobPictureRequest", id), timeout))

    def job_analysis(self, id: str, *, timeout: float | None = None) -> JobAnalysis:
        """A picture of a job that was not drawn, by its id: a unit's photograph, its projection, or its occlusion.

        Raises:
            NotFoundError: There is none of this id.
            NotReadyError: It is not made yet, or has failed.
        """
        return wire.jobs.analysis(self._calls.work("jobs.GetJobPicture", wire.jobs.named("GetJobPictureRequest", id), timeout))

    def project(
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
        """What in a picture an activation comes from: the activation sent back to the pixels (Zeiler & Fergus 2013), or another method.

        Args:
            pictures: A picture (a PIL image, a path, a file's bytes, or a Result), or several; each is scaled and cropped to the
                network's input.
            place: An address: `model:tap:unit`; with `@y,x` one activation of a convolutional tap's map, without it the strongest.
                `model:tap` is each picture's strongest unit of the tap, `model` of the output tap.
            method: One of `methods().projections`, such as "saliency"; default: the deconvnet where the network has max
                pooling, else guided backpropagation.
            top: How many of the strongest activations of the map are kept; default 1.
            layer: Of grad-cam: the tap whose maps are weighed; default: the last one with maps before the unit's.
            enlarge: Also take pictures with fewer pixels than the unit sees.
            determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.
            **options: The method's own, such as `steps=100` of integrated-gradients.

        Returns:
            The projection; the list of them, where a list of pictures was given.

        Raises:
            InvalidAddressError: The place is not an address.
            InvalidRequestError: Something is not a picture, or a value is out of range.
            NotFoundError: No such model, tap, unit or method.
            NotReadyError: A picture is too small, or the network cannot be projected; the message names the module.
            OSError: A picture file cannot be read.
        """
        fields = {"method": method, "top": top, "layer": layer, "enlarge": enlarge, "determinism": determinism}
        request = waiting(wire.analyses.project_request(pictures, place, fields, options), priority, queue_timeout_s)
        events = self._calls.analyse("analysis.Project", request, wire.analyses.projection_event, timeout, on_progress)
        found = wire.analyses.projections(events, request)
        return found[0] if is_picture(pictures) else found

    def occlude(
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
        """Slide a square over a picture: what does the network no longer see (Zeiler & Fergus 2013, fig. 7)?

        Args:
            pictures: A picture (a PIL image, a path, a file's bytes, or a Result), or several; each is scaled and cropped to the
                network's input.
            places: What is watched: a feature map (`model:tap:unit`, or `model:tap` for the strongest), a class (a unit of the
                output tap), or both. `model` alone watches the last tap's strongest map and the most probable class.
            size: The square's side in pixels of the network's input; default: about 50 of 224.
            stride: Pixels from one place to the next; default: sixteen places side by side.
            colour: (red, green, blue) from 0 to 1, or one number for a grey; default: 0.5.
            determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.

        Returns:
            The maps; the list of them, where a list of pictures was given.

        Raises:
            InvalidAddressError: Something in the places is not an address.
            InvalidRequestError: Something is not a picture, or a value is out of range.
            NotFoundError: No such model, tap or unit.
            OSError: A picture file cannot be read.
        """
        fields = {"size": size, "stride": stride, "colour": colour, "determinism": determinism}
        request = waiting(wire.analyses.occlude_request(pictures, places, fields), priority, queue_timeout_s)
        events = self._calls.analyse("analysis.Occlude", request, wire.analyses.occlusion_event, timeout, on_progress)
        found = wire.analyses.occlusions(events, request)
        return found[0] if is_picture(pictures) else found

    def exemplars(
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
        """The photographs that excite a unit most, of an image set that the server has an index of (Zeiler & Fergus 2013, fig. 2).

        Args:
            unit: Its address, `model:tap:unit`, without a position.
            count: How many; default: nine.
            index: One of the server's indices of the network, see `Model.indices`; default: the first.
            project: Whether to send each one's activation back to the pixels; default True.
            method: One of `methods().projections`; default: the deconvnet where the network has max pooling, else guided
                backpropagation.
            layer: Of grad-cam: the tap whose maps are weighed; default: the last one with maps before the unit's.
            determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.
            **options: The method's own.

        Returns:
            The photographs, the strongest first, each with what of it the unit sees.

        Raises:
            InvalidAddressError: The unit is not an address.
            InvalidRequestError: A value is out of range, or the address is not one unit's.
            NotFoundError: No such model, tap, unit, index or method.
            NotReadyError: The server has no index of these units, a photograph is no longer there, or the network cannot be projected.
        """
        fields = {"count": count, "index": index, "project": project, "method": method, "layer": layer, "determinism": determinism}
        request = waiting(wire.analyses.exemplars_request(unit, fields, options), priority, queue_timeout_s)
        events = self._calls.analyse("analysis.Exemplars", request, wire.analyses.exemplar_event, timeout, on_progress)
        return wire.analyses.exemplars(events, request)

    def transform(
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
        """Move, turn and scale a picture: how far do the network's features move (Zeiler & Fergus 2013, fig. 5)?

        Args:
            pictures: A picture (a PIL image, a path, a file's bytes, or a Result), or several; each is scaled and cropped to the
                network's input.
            places: What is measured: layers (`model:tap`), and at most one class (a unit of the output tap). `model` alone measures
                the first layer, the last before the output tap, and the most probable class.
            translations: How far the picture is moved down, in pixels of the network's input.
            rotations: How far it is turned counterclockwise about its centre, in degrees.
            scales: How many times as large it becomes, from 0.25 to 4. With none of the three, fifteen of each as published.
            colour: What is beyond its edges: (red, green, blue) from 0 to 1, or one number for a grey; default: 0.5.
            determinism: "rounding", or "strict" for the same bits each time on the same machine, more slowly.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.

        Returns:
            The curves; the list of them, where a list of pictures was given.

        Raises:
            InvalidAddressError: Something in the places is not an address.
            InvalidRequestError: Something is not a picture, or a value is out of range.
            NotFoundError: No such model, tap or unit.
            OSError: A picture file cannot be read.
        """
        amounts = {"translations": translations, "rotations": rotations, "scales": scales}
        fields = {**amounts, "colour": colour, "determinism": determinism}
        request = waiting(wire.analyses.transform_request(pictures, places, fields), priority, queue_timeout_s)
        events = self._calls.analyse("analysis.Transform", request, wire.analyses.invariance_event, timeout, on_progress)
        found = wire.analyses.invariances(events, request)
        return found[0] if is_picture(pictures) else found

    def filters(self, model: str, *, shared_scale: bool = False, timeout: float | None = None) -> Filters:
        """A network's first-layer filters on a sheet, and which of them dominate or are dead (Zeiler & Fergus 2013, fig. 6).

        Args:
            model: The network's name.
            shared_scale: Show all filters on one scale, so that strong ones stand out.
            timeout: Seconds.

        Raises:
            NotFoundError: No such network.
            NotReadyError: It does not begin with a convolution of the picture.
        """
        response = self._calls.ask("analysis.GetFilters", wire.analyses.filters_request(model, shared_scale), timeout)
        return wire.analyses.filters(model, response)

    def replay_analysis(
        self,
        recipe: AnalysisRecipeLike,
        *,
        priority: Priority | None = None,
        queue_timeout_s: float | None = None,
        on_progress: OnAnalysis | None = None,
        timeout: float | None = None,
    ) -> Projection | Occlusion | Invariance:
        """Make a projection, an occlusion or an invariance again.

        Args:
            recipe: Its recipe, the recipe's dict or JSON text, or the path of its file.
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that the request may wait before it starts; then DeadlineExceededError. Default: the server's.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.

        Raises:
            InvalidRequestError: It is not such a recipe.
            DgnamError: The server refused or failed.
        """
        replay = wire.analyses.replay(recipe)
        request = waiting(replay.request, priority, queue_timeout_s)
        return replay.result(self._calls.analyse(replay.call, request, replay.event, timeout, on_progress))

    def models(self, *, timeout: float | None = None) -> list[Model]:
        """The server's models, without their taps, labels and training facts."""
        return wire.catalog.models(self._calls.ask("catalog.ListModels", wire.catalog.models_request(), timeout))

    def model(self, name: str, *, timeout: float | None = None) -> Model:
        """One model, with everything about it.

        Raises:
            NotFoundError: No such model.
        """
        return wire.catalog.model(self._calls.ask("catalog.GetModel", wire.catalog.model_request(name), timeout).model)

    def receptive_field(self, model: str, tap: str, *, timeout: float | None = None) -> ReceptiveField | None:
        """Which pixels each position of a convolutional tap's map sees, worked out by the server on the network itself.

        Returns:
            What the positions see; None where the tap has no map, or every position may see every pixel.

        Args:
            model: The model's name.
            tap: The tap's name.
            timeout: Seconds; the first time it takes the server longer than later.

        Raises:
            NotFoundError: No such model or tap.
        """
        return wire.catalog.receptive_field(tap, self._calls.work("catalog.GetModel", wire.catalog.field_request(model, tap), timeout))

    def units(self, model: str, tap: str | None = None, *, filter: str | None = None, timeout: float | None = None) -> list[UnitInfo]:
        """The units of a tap.

        Args:
            model: The model's name.
            tap: The tap's name; default: the one whose units have labels.
            filter: Only units whose label contains this text; upper and lower case do not matter.
            timeout: Seconds for each page of a thousand units.

        Raises:
            NotFoundError: No such model or tap.
        """
        units, token = [], ""
        while True:
            page = self._calls.ask("catalog.ListUnits", wire.catalog.units_request(model, tap, filter, token), timeout)
            units += wire.catalog.units(page)
            token = page.next_page_token
            if not token:
                return units

    def methods(self, *, timeout: float | None = None) -> Methods:
        """The server's methods with their options, and what it uses where a call names none."""
        return wire.catalog.methods(self._calls.ask("catalog.ListMethods", wire.catalog.methods_request(), timeout))

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """The server's version, device and limits."""
        return wire.catalog.server_info(self._calls.ask("server.GetServerInfo", wire.catalog.server_info_request(), timeout))

    def load(self, *, timeout: float | None = None) -> Load:
        """How busy the server is."""
        return wire.catalog.load(self._calls.ask("server.GetLoad", wire.catalog.load_request(), timeout))

    def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The standard health check: "SERVING" or "NOT_SERVING".

        Args:
            service: A service's full name; default: the server as a whole.
            timeout: Seconds.

        Raises:
            NotFoundError: No such service.
        """
        return wire.catalog.health(self._calls.ask("health", wire.catalog.health_request(service), timeout).value)

    def close(self) -> None:
        """Close the channel. Calls under way end as cancelled, and later ones raise RuntimeError."""
        self._calls.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self.server}>"
