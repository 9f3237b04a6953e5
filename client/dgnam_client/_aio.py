"""The client for asyncio: the calls of _client.py. What it sends and what it makes of the answers is in _wire.py."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Self, Unpack, cast, overload

import grpc
import grpc.aio
from dgnam_proto.v1 import catalog_pb2, server_pb2
from google.protobuf import wrappers_pb2

from . import _wire
from ._channel import AsyncToken, Connection, Services, bearer, seconds
from ._errors import DgnamError, RpcFailure, from_rpc
from ._result import Event, Result
from ._target import TargetLike
from ._types import Load, Methods, Model, ServerInfo, SynthesisOptions, UnitInfo


class AsyncClient:
    """A dgnam server's calls, for asyncio. See Client: arguments, results and errors are the same.

    The first call opens the channel; a call from another event loop, or after a fork, opens another one.
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
        self._connection = Connection.of(server, token, ca_file, cert_file, key_file)
        self._timeout = timeout
        self._synthesis_timeout = synthesis_timeout
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._channel: grpc.aio.Channel | None = None
        self._services: Services | None = None
        self._closed = False

    @property
    def server(self) -> str:
        """The server's address."""
        return str(self._connection.address)

    @overload
    async def synthesize(
        self,
        target: TargetLike,
        *,
        variants: None = None,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Result: ...
    @overload
    async def synthesize(
        self,
        target: TargetLike,
        *,
        variants: int,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Result | list[Result]: ...
    @_wire.takes_options
    async def synthesize(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Result | list[Result]:
        """Draw the picture that a target prefers: `Client.synthesize`."""
        request = _wire.synthesize_request(target, variants, **options)
        return await self._draw(request, timeout, on_progress)

    @_wire.takes_options
    def stream(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Unpack[SynthesisOptions]
    ) -> AsyncGenerator[Event]:
        """Draw, and tell what happens meanwhile: `Client.stream`. `aclose()` stops the server's work."""
        return self._events(_wire.synthesize_request(target, variants, **options), timeout)

    @overload
    async def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: None = None,
        on_progress: Callable[[int, Event], object] | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> list[Result | DgnamError]: ...
    @overload
    async def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int,
        on_progress: Callable[[int, Event], object] | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> list[Result | list[Result] | DgnamError]: ...
    @_wire.takes_options
    async def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: Callable[[int, Event], object] | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Any:
        """Draw a picture for each of several targets, at the same time: `Client.synthesize_many`."""
        requests = [_wire.synthesize_request(target, variants, **options) for target in targets]
        return await self._draw_many(requests, timeout, on_progress, concurrency)

    async def synthesize_pixels(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """Draw the picture that a target prefers, without a prior: `Client.synthesize_pixels`."""
        return await self._draw(_wire.pixels_request(target, variants, **options), timeout, on_progress)

    def stream_pixels(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Any
    ) -> AsyncGenerator[Event]:
        """Draw as `synthesize_pixels` does, and tell what happens meanwhile: `Client.stream_pixels`."""
        return self._events(_wire.pixels_request(target, variants, **options), timeout)

    async def synthesize_pixels_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: Callable[[int, Event], object] | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> list[Any]:
        """`synthesize_pixels` for each of several targets, at the same time: `Client.synthesize_pixels_many`."""
        requests = [_wire.pixels_request(target, variants, **options) for target in targets]
        return await self._draw_many(requests, timeout, on_progress, concurrency)

    async def replay(
        self, recipe: _wire.RecipeLike, *, on_progress: Callable[[Event], object] | None = None, timeout: float | None = None
    ) -> Result:
        """Draw a recipe's picture again: `Client.replay`."""
        return cast(Result, await self._draw(_wire.replay_request(recipe), timeout, on_progress))

    async def models(self, *, timeout: float | None = None) -> list[Model]:
        """The server's models: `Client.models`."""
        return _wire.models(await self._ask(self._open().catalog.ListModels, catalog_pb2.ListModelsRequest(), timeout))

    async def model(self, name: str, *, timeout: float | None = None) -> Model:
        """One model, with everything about it: `Client.model`."""
        return _wire.model((await self._ask(self._open().catalog.GetModel, catalog_pb2.GetModelRequest(name=name), timeout)).model)

    async def units(self, model: str, tap: str | None = None, *, filter: str | None = None, timeout: float | None = None) -> list[UnitInfo]:
        """The units of a tap: `Client.units`."""
        units, token = [], ""
        while True:
            page = await self._ask(self._open().catalog.ListUnits, _wire.units_request(model, tap, filter, token), timeout)
            units += _wire.units(page)
            token = page.next_page_token
            if not token:
                return units

    async def methods(self, *, timeout: float | None = None) -> Methods:
        """The server's methods: `Client.methods`."""
        return _wire.methods(await self._ask(self._open().catalog.ListMethods, catalog_pb2.ListMethodsRequest(), timeout))

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """The server's version, device and limits: `Client.server_info`."""
        return _wire.server_info(await self._ask(self._open().server.GetServerInfo, server_pb2.GetServerInfoRequest(), timeout))

    async def load(self, *, timeout: float | None = None) -> Load:
        """How busy the server is: `Client.load`."""
        return _wire.load(await self._ask(self._open().server.GetLoad, server_pb2.GetLoadRequest(), timeout))

    async def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The standard health check: `Client.health`."""
        return _wire.health((await self._ask(self._open().health, wrappers_pb2.StringValue(value=service), timeout)).value)

    async def close(self) -> None:
        """Close the channel. Calls that are under way end as cancelled, and later ones raise RuntimeError."""
        self._closed = True
        if self._channel is not None and self._home == (os.getpid(), asyncio.get_running_loop()):
            await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncClient {self.server}>"

    def _open(self) -> Services:
        if self._closed:
            raise RuntimeError("this client is closed: make a new one")
        home = (os.getpid(), asyncio.get_running_loop())
        if self._services is None or self._home != home:
            # A channel works only in the loop and the process that opened it.
            self._channel, self._home = self._connection.open_aio(), home
            self._services = Services(self._channel)
        return self._services

    async def _metadata(self) -> list[tuple[str, str]]:
        token = self._connection.token
        given = token() if callable(token) else token
        return bearer(await given if inspect.isawaitable(given) else given)

    async def _ask(self, method: Any, request: object, timeout: float | None) -> Any:
        try:
            return await method(request, timeout=seconds(timeout, self._timeout), metadata=await self._metadata())
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server) from error

    async def _events(self, request: _wire.Request, timeout: float | None) -> AsyncGenerator[Event]:
        metadata = await self._metadata()
        verb = getattr(self._open().synthesis, _wire.VERBS[type(request)])
        call = verb(request, timeout=seconds(timeout, self._synthesis_timeout), metadata=metadata)
        try:
            async for response in call:
                event = _wire.event(response)
                if event is not None:
                    yield event
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server) from error
        finally:
            # Also where the consumer stops early: the server then stops too. No effect on a call that has ended.
            call.cancel()

    async def _draw(
        self, request: _wire.Request, timeout: float | None, on_progress: Callable[[Event], object] | None
    ) -> Result | list[Result]:
        results = []
        # A generator that is left early would otherwise be closed only when the loop comes to it.
        async with aclosing(self._events(request, timeout)) as events:
            async for event in events:
                if isinstance(event, Result):
                    results.append(event)
                if on_progress is not None:
                    on_progress(event)
        return _wire.drawn(request, results)

    async def _draw_many(
        self,
        requests: Sequence[_wire.Request],
        timeout: float | None,
        on_progress: Callable[[int, Event], object] | None,
        concurrency: int,
    ) -> list[Any]:
        places = asyncio.Semaphore(concurrency)

        async def outcome(index: int) -> Result | list[Result] | DgnamError:
            report = None if on_progress is None else lambda event: on_progress(index, event)
            async with places:
                try:
                    return await self._draw(requests[index], timeout, report)
                except DgnamError as error:
                    return error

        tasks = [asyncio.create_task(outcome(index)) for index in range(len(requests))]
        try:
            return await asyncio.gather(*tasks)
        finally:
            # Where one failed or this call was cancelled, none goes on behind the caller's back.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
