"""Calls for asyncio: the channel, opened by the first call, and what goes over it.

Rules: a channel is used only in the event loop that opened it; a call that is left early is cancelled, so that the server stops too.
A process forked from one that has opened a channel cannot open another: gRPC's own thread for asyncio is gone there, calls would hang.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar, cast

import grpc
import grpc.aio

from ._channel import Connection, metadata, seconds
from ._deadline import Deadline
from ._errors import DgnamError, RpcFailure, from_rpc, request_id
from ._events import Event, OnEvent, OnIndexedEvent
from ._gallery import Gallery
from ._notebook import NotebookProgress
from ._recipe import Request
from ._result import Result
from ._services import Services
from ._wire import requests, results

E = TypeVar("E")


class _Forked:
    """Whether this process was forked from one that had opened a channel for asyncio."""

    opened = False
    here = False

    @classmethod
    def note(cls) -> None:
        cls.here = cls.opened


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Forked.note)


class AsyncCalls:
    """One client's calls: see Calls."""

    def __init__(self, connection: Connection, timeout: float, synthesis_timeout: float) -> None:
        self.connection = connection
        self.channel: grpc.aio.Channel | None = None
        self._timeout = timeout
        self._synthesis_timeout = synthesis_timeout
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._services: Services | None = None
        self._closed = False

    @property
    def server(self) -> str:
        """The server's address."""
        return str(self.connection.address)

    async def ask(self, call: str, request: object, timeout: float | None) -> Any:
        """The answer of a quick call, named as `service.Call`."""
        return await self._ask(call, request, seconds(timeout, self._timeout))

    async def work(self, call: str, request: object, timeout: float | None) -> Any:
        """The answer of a call that has the server draw or look at pictures."""
        return await self._ask(call, request, seconds(timeout, self._synthesis_timeout))

    def events(self, request: Request, timeout: float | None) -> AsyncGenerator[Event]:
        """The events of a picture being drawn."""
        return self.stream(f"synthesis.{requests.CALLS[type(request)]}", request, results.event, timeout)

    async def stream(self, call: str, request: object, read: Callable[[Any], E | None], timeout: float | None) -> AsyncGenerator[E]:
        """What `read` makes of the responses of a streaming call: see `Calls.stream`."""
        sent = await self._metadata()
        stream = attrgetter(call)(self._open())(request, metadata=sent)
        deadline = Deadline(seconds(timeout, self._synthesis_timeout), stream.cancel, asyncio.get_running_loop().call_later)
        try:
            async for response in stream:
                event = read(response)
                deadline.heard(event)
                if event is not None:
                    yield event
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server, sent) from error
        except asyncio.CancelledError:
            if deadline.passed:
                raise deadline.error(request_id(sent)) from None
            raise
        finally:
            deadline.stop()
            # Also where the consumer stops early: the server then stops too. No effect on a call that has ended.
            stream.cancel()

    async def draw(self, request: Request, timeout: float | None, on_progress: OnEvent | None) -> Result | list[Result]:
        """The request's picture, or the list of its variants."""
        if on_progress is None:
            with NotebookProgress(1, max(request.variants, 1)) as shown:
                return await self.draw(request, timeout, partial(shown, 0))
        finished = []
        # A generator that is left early would otherwise be closed only when the loop comes to it.
        async with aclosing(self.events(request, timeout)) as events:
            async for event in events:
                if isinstance(event, Result):
                    finished.append(event)
                on_progress(event)
        return results.drawn(request, finished)

    async def analyse(
        self, call: str, request: Any, read: Callable[[Any], Any], timeout: float | None, on_progress: Callable[[Any], object] | None
    ) -> list[Any]:
        """Every event of an analysis: see `Calls.analyse`."""
        found = []
        async with aclosing(self.stream(call, request, read, timeout)) as events:
            async for event in events:
                found.append(event)
                if on_progress is not None:
                    on_progress(event)
        return found

    async def draw_many(
        self, requests: Sequence[Request], timeout: float | None, on_progress: OnIndexedEvent | None, concurrency: int
    ) -> list[Any]:
        """What `draw` gives for each request, or the DgnamError that it raises."""
        if on_progress is None:
            with NotebookProgress(len(requests), max((request.variants for request in requests), default=1) or 1) as shown:
                return await self.draw_many(requests, timeout, shown, concurrency)
        places = asyncio.Semaphore(concurrency)

        async def outcome(index: int) -> Result | list[Result] | DgnamError:
            async with places:
                try:
                    return await self.draw(requests[index], timeout, partial(on_progress, index))
                except DgnamError as error:
                    if isinstance(on_progress, NotebookProgress):
                        on_progress.failed(index)
                    return error

        tasks = [asyncio.create_task(outcome(index)) for index in range(len(requests))]
        try:
            return Gallery(await asyncio.gather(*tasks))
        finally:
            # Where one failed or this call was cancelled, none goes on behind the caller's back.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close the channel. Calls under way end as cancelled, and later ones raise RuntimeError."""
        self._closed = True
        if self.channel is not None and self._home == (os.getpid(), asyncio.get_running_loop()):
            await self.channel.close(None)

    async def _ask(self, call: str, request: object, timeout: float | None) -> Any:
        sent = await self._metadata()
        try:
            return await attrgetter(call)(self._open())(request, timeout=timeout, metadata=sent)
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server, sent) from error

    def _open(self) -> Services:
        if self._closed:
            raise RuntimeError("this client is closed: make a new one")
        if _Forked.here:
            raise RuntimeError(
                "this process was forked from one that had used an AsyncClient, and gRPC's asyncio does not survive that: "
                "fork before the first call, or start processes with multiprocessing's 'spawn'"
            )
        home = (os.getpid(), asyncio.get_running_loop())
        if self._services is None or self._home != home:
            # A channel works only in the loop and the process that opened it.
            self.channel, self._home = self.connection.open_aio(), home
            _Forked.opened = True
            self._services = Services(self.channel)
        return self._services

    async def _metadata(self) -> list[tuple[str, str]]:
        token = self.connection.token
        given = token() if callable(token) else token
        return metadata(await given if inspect.isawaitable(given) else given)
