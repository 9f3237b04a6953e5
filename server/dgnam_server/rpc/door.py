"""Door: how many calls of one kind there may be at once, and how their messages are let in.

Rules: a call's message is read only when it has a place, and it keeps the place until it is parsed. Until then HTTP/2's flow control keeps
the message with its sender. Nobody keeps a place for longer than PATIENCE_S, and no host has all of them.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from grpc import aio

from dgnam_server.rpc import errors

PATIENCE_S = 30.0  # for a message to arrive
_RETRY_S = 2.0
_EOF: Any = aio.EOF  # type: ignore[attr-defined]  # the stubs do not know it
T = TypeVar("T")


@dataclass(frozen=True)
class Width:
    """How much a door lets in: `calls` at once, and so many `of_one_client`, each with a message of at most `message_bytes`; so many
    `messages` at once, and so many `of_one_host`."""

    calls: int
    message_bytes: int
    of_one_client: int
    messages: int = 16
    of_one_host: int = 8


class Door:
    """Its coroutines run on one event loop."""

    def __init__(self, width: Width) -> None:
        self._width = width
        self._calls: Counter[str] = Counter()
        self._places = asyncio.Semaphore(width.messages)
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextmanager
    def entered(self, client: str) -> Iterator[None]:
        """For the length of a client's call.

        Raises:
            QueueFull: there are as many as there may be, of all clients or of this one.
        """
        calls, mine = self._calls.total(), self._calls[client]
        if calls >= self._width.calls:
            raise errors.QueueFull(f"{calls} such calls are under way, as many as may be", retry_after_s=_RETRY_S)
        if mine >= self._width.of_one_client:
            why = f"{mine} such calls of client {client} are under way, as many as one client may have"
            raise errors.QueueFull(why, retry_after_s=_RETRY_S, whose="client")
        self._calls[client] += 1
        try:
            yield
        finally:
            self._calls[client] -= 1
            if not self._calls[client]:
                del self._calls[client]

    async def message(self, context: Any, parse: Callable[[bytes], Awaitable[T]]) -> T | None:
        """The next message of the call, parsed; None: there is no other.

        Raises:
            InvalidRequest: it is too large, or takes too long to arrive.
        """
        of_host = self._hosts.setdefault(_host(context.peer()), asyncio.Semaphore(self._width.of_one_host))
        async with of_host, self._places:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    data = await context.read()
            except TimeoutError:
                raise _invalid(f"the message did not arrive within {PATIENCE_S:g} s") from None
            if data is _EOF:
                return None
            if len(data) > self._width.message_bytes:
                raise _invalid(f"the message has {len(data)} bytes; such a call takes {self._width.message_bytes}")
            return await parse(data)


def _invalid(description: str) -> errors.InvalidRequest:
    return errors.InvalidRequest([errors.Violation("", description)])


def _host(peer: str) -> str:
    """A peer without its port: `ipv4:127.0.0.1:5000`, `ipv6:[::1]:5000`, `unix:path`."""
    return peer.rpartition(":")[0] if peer.startswith("ip") else peer
