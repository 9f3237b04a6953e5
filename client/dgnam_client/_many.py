"""Several requests at once, on threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ._errors import DgnamError
from ._events import Event
from ._recipe import Request
from ._result import Result

Drawn = Result | list[Result]
# Draws a request; calls back with each event, and with the call once it is open.
Draw = Callable[[Request, Callable[[Event], object], Callable[[Any], object]], Drawn]


def draw_many(
    draw: Draw, requests: Sequence[Request], on_progress: Callable[[int, Event], object], concurrency: int
) -> list[Drawn | DgnamError]:
    """Draw all requests, `concurrency` of them at once; a DgnamError takes the place of what it prevented.

    Workers only pass on what comes. This thread alone calls back, so it can stop them all where that fails or on Ctrl-C.
    """
    inbox: queue.SimpleQueue[tuple[int, Event | None, Drawn | BaseException | None]] = queue.SimpleQueue()
    outcomes: dict[int, Drawn | DgnamError] = {}
    calls: list[Any] = []
    stop = threading.Event()

    def opened(call: Any) -> None:
        calls.append(call)
        if stop.is_set():
            call.cancel()

    def work(index: int) -> None:
        if stop.is_set():
            return
        outcome: Drawn | BaseException
        try:
            outcome = draw(requests[index], lambda event: inbox.put((index, event, None)), opened)
        except BaseException as error:
            outcome = error
        inbox.put((index, None, outcome))

    with ThreadPoolExecutor(concurrency, thread_name_prefix="dgnam") as pool:
        try:
            for index in range(len(requests)):
                pool.submit(work, index)
            while len(outcomes) < len(requests):
                index, event, outcome = inbox.get()
                if event is not None:
                    on_progress(index, event)
                elif isinstance(outcome, Result | list | DgnamError):
                    outcomes[index] = outcome
                elif outcome is not None:
                    raise outcome
        finally:
            stop.set()
            for call in list(calls):
                call.cancel()
    return [outcomes[index] for index in range(len(requests))]
