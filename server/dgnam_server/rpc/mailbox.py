"""Mailbox: one call's events on their way from the device thread to the event loop.

Rules: any thread may `put`, which never blocks; one coroutine `take`s. Progress is coalesced: the latest of each row counts, at most
one delivery per interval, but a preview is kept until it was delivered. Nothing else is ever dropped or held back.
"""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, replace

from dgnam_server.engine.events import Event, Failed, Finished, Progress, Queued, Started

News = Queued | Started | tuple[Progress, ...] | Finished
Delivery = News | Failed


@dataclass(frozen=True)
class Pace:
    """Seconds: the least time between two progress messages, and the silence after which a heartbeat is due."""

    progress_s: float = 0.1
    heartbeat_s: float = 10.0


class Mailbox:
    """Made on the loop that takes from it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._next_progress = self._loop.time()
        # Shared with the device thread, under the lock:
        self._lock = threading.Lock()
        self._events: list[Queued | Started | Finished | Failed] = []
        self._progress: dict[int, Progress] = {}

    def put(self, event: Event) -> None:
        """Take an event in."""
        with self._lock:
            if isinstance(event, Progress):
                wake = not self._progress  # otherwise the loop knows that some is waiting
                old = self._progress.get(event.row)
                if old is not None and event.preview is None:
                    event = replace(event, preview=old.preview)
                self._progress[event.row] = event
            else:
                wake = True
                self._events.append(event)
        if wake:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._news.set)

    async def take(self) -> list[Delivery]:
        """Wait for what is due and return it in order; an empty list after a silence, when a heartbeat is due."""
        silent_until = self._loop.time() + self._pace.heartbeat_s
        while True:
            self._news.clear()
            if due := self._collect():
                return due
            until = min(silent_until, self._next_progress) if self._progress else silent_until
            if self._loop.time() >= silent_until:
                return []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._news.wait()

    def _collect(self) -> list[Delivery]:
        now = self._loop.time()
        with self._lock:
            openings = [event for event in self._events if isinstance(event, Queued | Started)]
            endings = [event for event in self._events if isinstance(event, Finished | Failed)]
            self._events = []
            moved: list[tuple[Progress, ...]] = []
            if self._progress and (endings or now >= self._next_progress):  # a row's progress never comes after its end
                moved = [tuple(self._progress[row] for row in sorted(self._progress))]
                self._progress = {}
                self._next_progress = now + self._pace.progress_s
        return [*openings, *moved, *endings]
