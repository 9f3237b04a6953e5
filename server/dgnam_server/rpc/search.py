"""SearchService: read the request, have the search answer, draw, write. What a search does takes time, so it happens beside the loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from dgnam_proto.v1 import search_pb2 as pb
from dgnam_proto.v1 import search_pb2_grpc
from dgnam_proto.v1.synthesis_pb2 import Include

from dgnam_server.rpc import payload, queueing, search_message, search_request
from dgnam_server.rpc.errors import (
    FailedPrecondition,
    InvalidRequest,
    Missing,
    NotFound,
    Reason,
    SearchExists,
    SearchStoreDown,
    Unmet,
    Violation,
)
from dgnam_server.rpc.queueing import Queueing
from dgnam_server.rpc.search_message import Drawn
from dgnam_server.rpc.submission import Context, Submitter
from dgnam_server.rpc.wording import nearest, quoted
from dgnam_server.search import searches
from dgnam_server.search.generations import Shown
from dgnam_server.search.search import Answer
from dgnam_server.search.searches import Searches, progress
from dgnam_server.search.spec import SearchSpec
from dgnam_server.search.store import StoreError

T = TypeVar("T")
_MOST_SCORES = 10_000


@dataclass(frozen=True, eq=False)
class SearchServicer(search_pb2_grpc.SearchServiceServicer):
    """Searches by scores. Their pictures are drawn in the batches that all work shares."""

    submitter: Submitter
    searches: Searches

    async def CreateSearch(self, request: pb.CreateSearchRequest, context: Context) -> pb.CreateSearchResponse:  # noqa: N802
        """Begins a search, or goes on with it."""
        pools, reader = self.submitter.pools, self.submitter.reader()
        checked = await pools.check(search_request.read, reader, request)
        beginning = await search_request.pictured(reader, request, checked, pools.decoder.decode)
        begun = await _done(self.searches.begin, beginning.spec, beginning.references)
        if not begun:
            there = [spec for spec, _ in await _done(self.searches.overviews) if spec.name == request.name]
            if there and (differing := search_request.compared(there[0], beginning)):  # else it was deleted meanwhile
                raise SearchExists(request.name, [Violation(field, why) for field, why in differing.items()])
        return pb.CreateSearchResponse(search=await _done(self._search, request.name, True), resumed=not begun)

    async def Ask(self, request: pb.AskRequest, context: Context) -> pb.AskResponse:  # noqa: N802
        """The pictures whose scores are wanted next."""
        self._check_waiting(request)
        spec, waiting, codes = await _done(self._waiting, request.name)
        self._check_payload(request.include, spec, len(waiting), codes.shape[1])
        drawn = await self._drawn(spec, waiting, codes, context, queueing.read(request))
        messages = await self.submitter.pools.encode(search_message.pictures, drawn, request.include)
        return pb.AskResponse(pictures=messages, search=await _done(self._search, request.name, False))

    async def Tell(self, request: pb.TellRequest, context: Context) -> pb.TellResponse:  # noqa: N802
        """Takes in scores."""
        self._check_name(request.name)
        completed = await _done(self.searches.tell, request.name, _answers(request))
        search = await _done(self._search, request.name, False)
        return pb.TellResponse(search=search, completed=None if completed is None else search_message.generation(completed))

    async def GetSearch(self, request: pb.GetSearchRequest, context: Context) -> pb.GetSearchResponse:  # noqa: N802
        """How far a search is, and its best picture."""
        self._check_waiting(request)
        response = pb.GetSearchResponse(search=await _done(self._search, request.name, True))
        spec, best = await _done(self._best, request.name)
        if best is not None:
            image = (await self._images(spec, best.code[None], context, queueing.read(request)))[0]
            drawn = Drawn(best.picture, best.generation, best.code, image)
            response.best.CopyFrom((await self.submitter.pools.encode(search_message.pictures, [drawn], request.include))[0])
        return response

    async def ListSearches(self, request: pb.ListSearchesRequest, context: Context) -> pb.ListSearchesResponse:  # noqa: N802
        """Every search, also those that cannot go on here."""

        def overviews() -> list[pb.Search]:
            return [search_message.search(*overview) for overview in self.searches.overviews()]

        return pb.ListSearchesResponse(searches=await _done(overviews))

    async def DeleteSearch(self, request: pb.DeleteSearchRequest, context: Context) -> pb.DeleteSearchResponse:  # noqa: N802
        """Forgets a search."""
        self._check_name(request.name)
        await _done(self.searches.delete, request.name)
        return pb.DeleteSearchResponse()

    async def ExportSearch(self, request: pb.ExportSearchRequest, context: Context) -> pb.ExportSearchResponse:  # noqa: N802
        """A search as a file."""
        self._check_name(request.name)

        def export() -> bytes:
            with self.searches.using(request.name) as search:
                return search_message.exported(search)

        return pb.ExportSearchResponse(json=await _done(export))

    async def ListOptimizers(self, request: pb.ListOptimizersRequest, context: Context) -> pb.ListOptimizersResponse:  # noqa: N802
        """The optimizers with their options."""
        return search_message.optimizers()

    def _search(self, name: str, history: bool) -> pb.Search:
        with self.searches.using(name) as search:
            return search_message.search(search.spec, progress(search), search.history if history else ())

    def _waiting(self, name: str) -> tuple[SearchSpec, Sequence[Shown], np.ndarray]:
        with self.searches.using(name) as search:
            waiting = search.waiting
            return search.spec, waiting, search.codes([one for one in waiting if not one.is_reference])

    def _best(self, name: str) -> tuple[SearchSpec, Any]:
        with self.searches.using(name) as search:
            return search.spec, search.best

    async def _drawn(self, spec: SearchSpec, waiting: Sequence[Shown], codes: np.ndarray, context: Context, waits: Queueing) -> list[Drawn]:
        images = iter(zip(codes, await self._images(spec, codes, context, waits) if len(codes) else (), strict=True))
        indices = [one.index for one in waiting if one.is_reference]
        files = iter(await _done(self.searches.references, spec.name, indices))
        return [
            Drawn(one.number, one.generation, reference=one.index, png=next(files))
            if one.is_reference
            else Drawn(one.number, one.generation, *next(images))
            for one in waiting
        ]

    async def _images(self, spec: SearchSpec, codes: np.ndarray, context: Context, waits: Queueing) -> list[np.ndarray]:
        builder = self.submitter.builder
        work = builder.drawing(spec.prior, codes) if spec.prior else builder.spectrum_drawing(spec.size, codes)
        return await self.submitter.values(work, context, waits)

    def _check_name(self, name: str) -> None:
        reader = self.submitter.reader()
        search_request.name(reader, name)
        reader.raise_any()

    def _check_waiting(self, request: pb.AskRequest | pb.GetSearchRequest) -> None:
        reader = self.submitter.reader()
        search_request.name(reader, request.name)
        queueing.check(reader, request)
        reader.raise_any()

    def _check_payload(self, include: Include, spec: SearchSpec, count: int, code_size: int) -> None:
        reader = self.submitter.reader()
        needed = payload.picture_bytes(include, spec.size) + payload.wanted(include, "code") * payload.array_bytes(code_size)
        payload.check(reader.at("include"), count * needed, "leave out image, code or png")
        reader.raise_any()


def _answers(request: pb.TellRequest) -> list[Answer]:
    """The scores as answers.

    Raises:
        InvalidRequest: there are none or too many, or some say neither or both that there are values and that they are missing.
    """
    wrong = [
        Violation(f"scores[{index}]", "missing and values do not go together" if score.missing else "values are required, or missing")
        for index, score in enumerate(request.scores)
        if score.missing == bool(score.values)
    ]
    if not 1 <= len(request.scores) <= _MOST_SCORES:
        wrong.append(Violation("scores", f"{len(request.scores)} are not between 1 and {_MOST_SCORES}"))
    if wrong:
        raise InvalidRequest(wrong)
    return [Answer(score.picture, tuple(score.values)) for score in request.scores]


async def _done(call: Callable[..., T], *arguments: Any) -> T:
    """What `call` gives, beside the event loop; what searches raise becomes what callers may see."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except searches.UnknownSearch as error:
        there = nearest(error.name, error.names) if error.names else "there are none"
        missing = Missing("name", f"there is no search {quoted(error.name)}; {there}", "search", error.name)
        raise NotFound([missing]) from error
    except searches.TooManySearches as error:
        why = "the server keeps as many searches as it may (its setting max_searches): delete one"
        raise FailedPrecondition([Unmet("name", why, Reason.SEARCH_LIMIT)]) from error
    except searches.SearchOver as error:
        raise FailedPrecondition([Unmet("name", "the search is over and takes no more scores", Reason.SEARCH_OVER)]) from error
    except searches.Unusable as error:
        raise FailedPrecondition([Unmet("name", str(error), Reason.SEARCH_UNUSABLE)]) from error
    except StoreError as error:
        raise SearchStoreDown(str(error)) from error
    except searches.BadAnswers as error:
        raise _refused(error) from error


def _refused(error: searches.BadAnswers) -> InvalidRequest | NotFound:
    """NotFound only where every problem is an unknown picture."""
    if all(problem.unknown for problem in error.problems):
        return NotFound([Missing(f"scores[{one.index}].picture", one.text, "picture", "") for one in error.problems])
    return InvalidRequest([Violation(f"scores[{one.index}]", one.text) for one in error.problems])
