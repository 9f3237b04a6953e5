"""Turns: so many may do a thing at once; of those who wait for it, the client that was served least is next.

Rules: of several places, one client has all but one, so that another finds one whatever the first does there. Who waits no longer is passed
over.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dgnam_server.engine.shares import Shares


class Turns:
    """Its coroutines run on one event loop."""

    def __init__(self, places: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._places, self._of_one, self._clock = places, max(1, places - 1), clock
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._served: Shares[str] = Shares()

    @asynccontextmanager
    async def one(self, client: str) -> AsyncIterator[None]:
        """For as long as a client does it, once it has a place."""
        await self._place(client)
        started = self._clock()
        try:
            yield
        finally:
            self._served.charge(client, self._clock() - started)
            self._leave(client)

    async def _place(self, client: str) -> None:
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(given)
        self._served.next({*self._held, *self._waiting})  # a newcomer starts level with those who are here now, not once a place is free
        self._give()
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._leave(client)
            raise

    def _leave(self, client: str) -> None:
        self._held -= Counter([client])
        self._give()
        if not self._held:
            self._served.rest()

    def _give(self) -> None:
        """Give the places that are free to who is next."""
        while self._held.total() < self._places:
            self._waiting = {client: kept for client, queue in self._waiting.items() if (kept := _there(queue))}
            may = [client for client in self._waiting if self._held[client] < self._of_one]
            if not may:
                return
            client = self._served.next(may)
            self._held[client] += 1
            self._waiting[client].popleft().set_result(None)


def _there(queue: deque[asyncio.Future[None]]) -> deque[asyncio.Future[None]]:
    return deque(given for given in queue if not given.done())
