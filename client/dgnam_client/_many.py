"""Several requests at once, on threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ._errors import DgnamError
from ._events import Event
from ._gallery import Gallery
from ._recipe import Request
from ._result import Result

Drawn = Result | list[Result]
# Draws a request; calls back with each event, and with the call once it is open.
Draw = Callable[[Request, Callable[[Event], object], Callable[[Any], object]], Drawn]


@dataclass(frozen=True)
class Done:
    """A request is finished with: its picture or pictures, or the error that prevented them."""

    outcome: Drawn | DgnamError


def drawings(draw: Draw, requests: Sequence[Request], concurrency: int) -> Generator[tuple[int, Event | Done]]:
    """Draw all requests, `concurrency` of them at once, and give what comes as it comes, with the request's index.

    Workers only pass on what comes. The caller's thread alone hears of it, and closing the generator stops them all.
    """
    inbox: queue.SimpleQueue[tuple[int, Event | Done | BaseException]] = queue.SimpleQueue()
    calls: list[Any] = []
    stop = threading.Event()

    def opened(call: Any) -> None:
        calls.append(call)
        if stop.is_set():
            call.cancel()

    def work(index: int) -> None:
        if stop.is_set():
            return
        try:
            inbox.put((index, Done(draw(requests[index], lambda event: inbox.put((index, event)), opened))))
        except DgnamError as error:
            inbox.put((index, Done(error)))
        except BaseException as error:
            inbox.put((index, error))

    left = len(requests)
    with ThreadPoolExecutor(concurrency, thread_name_prefix="dgnam") as pool:
        try:
            for index in range(len(requests)):
                pool.submit(work, index)
            while left:
                index, what = inbox.get()
                if isinstance(what, BaseException):
                    raise what
                left -= isinstance(what, Done)
                yield index, what
        finally:
            stop.set()
            for call in list(calls):
                call.cancel()


def draw_many(
    coming: Generator[tuple[int, Event | Done]],
    count: int,
    on_progress: Callable[[int, Event], object],
    on_failure: Callable[[int], object],
) -> Gallery[Drawn | DgnamError]:
    """What each of `count` requests gave, in their order; a DgnamError takes the place of what it prevented."""
    outcomes: dict[int, Drawn | DgnamError] = {}
    with closing(coming):
        for index, what in coming:
            if isinstance(what, Done):
                outcomes[index] = what.outcome
                if isinstance(what.outcome, DgnamError):
                    on_failure(index)
            else:
                on_progress(index, what)
    return Gallery(outcomes[index] for index in range(count))
