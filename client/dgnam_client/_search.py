"""A search as its user holds it: iterate over it for pictures, tell it their scores."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from ._file import write_file
from ._options import Priority
from ._search_state import Generation, SearchPicture, SearchState
from ._wire import searches as wire

if TYPE_CHECKING:
    from ._activations import Activations
    from ._aio_calls import AsyncCalls
    from ._calls import Calls

Scores = Union[Iterable[Any], Mapping[int, Any], "Activations"]


class _Held:
    """What a search of either kind knows."""

    def __init__(self, calls: Any, state: SearchState, resumed: bool, timeout: float | None) -> None:
        self._calls, self._timeout = calls, timeout
        self.state = state
        self.resumed = resumed
        self.pictures: list[SearchPicture] = []

    @property
    def name(self) -> str:
        """Its name on the server, to go on with it later."""
        return self.state.name

    @property
    def over(self) -> bool:
        """Whether it wants no more scores."""
        return self.state.ending is not None

    @property
    def history(self) -> tuple[Generation, ...]:
        """The generations that are done."""
        return self.state.history

    def _asked(self, response: Any) -> list[SearchPicture]:
        self.pictures, self.state = wire.asked(response, self.state.history)
        return self.pictures

    def _told(self, response: Any) -> Generation | None:
        completed, self.state = wire.told(response, self.state.history)
        return completed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.state.pictures_done} of {self.state.max_pictures} pictures>"


class Search(_Held):
    """A search on the server; `Client.search` begins one, or goes on with it.

        for pictures in search:
            search.tell(measure(pictures))

    Attributes:
        state: How far it is, as last heard.
        resumed: Whether it was there already.
        pictures: Those asked for last.
    """

    _calls: Calls

    def ask(self, *, priority: Priority | None = None, queue_timeout_s: float | None = None) -> list[SearchPicture]:
        """The pictures whose scores are wanted next, in the order to show them; none where the search is over.

        Args:
            priority: "interactive", or "batch" for what nobody waits for: your interactive requests then come first.
            queue_timeout_s: Seconds that drawing them may wait before it starts; then DeadlineExceededError. Default: the server's.

        Raises:
            NotFoundError: The search was deleted.
            SearchError: It cannot go on here.
        """
        request = wire.ask_request(self.name, priority, queue_timeout_s)
        return self._asked(self._calls.work("search.Ask", request, self._timeout))

    def tell(self, scores: Scores) -> Generation | None:
        """Scores of the pictures asked for last, or of some of them. None of them is taken in where one is wrong.

        Args:
            scores: One for each of `pictures`, in their order: a number, or several where a picture was shown several times; None where
                there is no score. A dict from picture number to such a score tells only some, also late ones. Activations of one unit
                are scores too.

        Returns:
            The generation that they completed; None: others are waited for.

        Raises:
            InvalidRequestError: They are more or fewer than the pictures, or one is not finite, or was told before.
            NotFoundError: The search has shown no such picture, or was deleted.
            SearchError: The search is over.
        """
        request = wire.tell_request(self.name, scores, self.pictures)
        return self._told(self._calls.ask("search.Tell", request, self._timeout))

    def best(self, *, priority: Priority | None = None, queue_timeout_s: float | None = None) -> SearchPicture | None:
        """The picture with the best mean score, of all told so far.

        Args:
            priority: As in `ask`.
            queue_timeout_s: As in `ask`.
        """
        request = wire.get_request(self.name, priority, queue_timeout_s)
        best, self.state = wire.got(self._calls.work("search.GetSearch", request, self._timeout))
        return best

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write all about the search as one JSON file: how it was begun, every picture's scores, the best code."""
        response = self._calls.ask("search.ExportSearch", wire.export_request(self.name), self._timeout)
        return write_file(Path(path), response.json)

    def delete(self) -> None:
        """Have the server forget it."""
        self._calls.ask("search.DeleteSearch", wire.delete_request(self.name), self._timeout)

    def __iter__(self) -> Iterator[list[SearchPicture]]:
        """The pictures to show next, until the search is over."""
        while pictures := self.ask():
            yield pictures


class AsyncSearch(_Held):
    """A search on the server, for asyncio: see Search."""

    _calls: AsyncCalls

    async def ask(self, *, priority: Priority | None = None, queue_timeout_s: float | None = None) -> list[SearchPicture]:
        """The pictures whose scores are wanted next: `Search.ask`."""
        request = wire.ask_request(self.name, priority, queue_timeout_s)
        return self._asked(await self._calls.work("search.Ask", request, self._timeout))

    async def tell(self, scores: Scores) -> Generation | None:
        """Scores of the pictures asked for last: `Search.tell`."""
        request = wire.tell_request(self.name, scores, self.pictures)
        return self._told(await self._calls.ask("search.Tell", request, self._timeout))

    async def best(self, *, priority: Priority | None = None, queue_timeout_s: float | None = None) -> SearchPicture | None:
        """The best picture so far: `Search.best`."""
        request = wire.get_request(self.name, priority, queue_timeout_s)
        best, self.state = wire.got(await self._calls.work("search.GetSearch", request, self._timeout))
        return best

    async def export(self, path: str | os.PathLike[str]) -> Path:
        """Write all about the search as one JSON file: `Search.export`."""
        response = await self._calls.ask("search.ExportSearch", wire.export_request(self.name), self._timeout)
        return write_file(Path(path), response.json)

    async def delete(self) -> None:
        """Have the server forget it."""
        await self._calls.ask("search.DeleteSearch", wire.delete_request(self.name), self._timeout)

    async def __aiter__(self) -> AsyncIterator[list[SearchPicture]]:
        """The pictures to show next, until the search is over."""
        while pictures := await self.ask():
            yield pictures
