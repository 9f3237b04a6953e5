"""Calls for threads: the channel, opened by the first call, and what goes over it.

Rules: a channel is used only in the process that opened it; a call that is left early is cancelled, so that the server stops too.
The first call loads gRPC, which takes longer than all the rest: a program that only imports this package does without.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._channel import Connection, metadata, seconds
from ._deadline import Deadline
from ._errors import RpcFailure, from_rpc, request_id
from ._events import Event, OnEvent, OnIndexedEvent
from ._notebook import NotebookProgress
from ._result import Result
from ._wire import requests, results

if TYPE_CHECKING:
    import grpc

    from ._many import Done
    from ._recipe import Request
    from ._services import Services

E = TypeVar("E")


class Calls:
    """One client's calls.

    Args:
        connection: Where they go.
        timeout: Seconds that a call may take.
        synthesis_timeout: Seconds that a call may take which has the server draw or look at pictures.
    """

    def __init__(self, connection: Connection, timeout: float, synthesis_timeout: float) -> None:
        self.connection = connection
        self.channel: grpc.Channel | None = None
        self._timeout = timeout
        self._synthesis_timeout = synthesis_timeout
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._services: Services | None = None
        self._inherited: list[grpc.Channel | None] = []
        self._closed = False

    @property
    def server(self) -> str:
        """The server's address."""
        return str(self.connection.address)

    def ask(self, call: str, request: object, timeout: float | None) -> Any:
        """The answer of a quick call, named as `service.Call`."""
        return self._ask(call, request, seconds(timeout, self._timeout))

    def work(self, call: str, request: object, timeout: float | None) -> Any:
        """The answer of a call that has the server draw or look at pictures."""
        return self._ask(call, request, seconds(timeout, self._synthesis_timeout))

    def events(self, request: Request, timeout: float | None, on_open: Callable[[Any], object] | None = None) -> Generator[Event]:
        """The events of a picture being drawn; `on_open` gets the call before the first one."""
        return self.stream(f"synthesis.{requests.CALLS[type(request)]}", request, results.event, timeout, on_open)

    def stream(
        self,
        call: str,
        request: object,
        read: Callable[[Any], E | None],
        timeout: float | None,
        on_open: Callable[[Any], object] | None = None,
    ) -> Generator[E]:
        """What `read` makes of the responses of a streaming call, named as `service.Call`; nothing where it makes None."""
        import grpc

        sent = self._metadata()
        stream = attrgetter(call)(self._open())(request, metadata=sent)
        deadline = Deadline(seconds(timeout, self._synthesis_timeout), stream.cancel, _later)
        try:
            if on_open is not None:
                on_open(stream)
            for response in stream:
                event = read(response)
                deadline.heard(event)
                if event is not None:
                    yield event
        except grpc.RpcError as error:
            failure = cast(RpcFailure, error)
            raise (deadline.error(request_id(sent)) if deadline.passed else from_rpc(failure, self.server, sent)) from error
        finally:
            deadline.stop()
            # Also where the consumer stops early, or Ctrl-C does: the server then stops too. No effect on a call that has ended.
            stream.cancel()

    def draw(
        self, request: Request, timeout: float | None, on_progress: OnEvent | None, on_open: Callable[[Any], object] | None = None
    ) -> Result | list[Result]:
        """The request's picture, or the list of its variants."""
        if on_progress is None:
            with NotebookProgress(1, max(request.variants, 1)) as shown:
                return self.draw(request, timeout, partial(shown, 0), on_open)
        finished = []
        for event in self.events(request, timeout, on_open):
            if isinstance(event, Result):
                finished.append(event)
            on_progress(event)
        return results.drawn(request, finished)

    def analyse(
        self, call: str, request: Any, read: Callable[[Any], Any], timeout: float | None, on_progress: Callable[[Any], object] | None
    ) -> list[Any]:
        """Every event of an analysis; `on_progress` hears each as it comes."""
        events = []
        for event in self.stream(call, request, read, timeout):
            events.append(event)
            if on_progress is not None:
                on_progress(event)
        return events

    def draw_many(
        self, requests: Sequence[Request], timeout: float | None, on_progress: OnIndexedEvent | None, concurrency: int
    ) -> list[Any]:
        """What `draw` gives for each request, or the DgnamError that it raises."""
        from ._many import draw_many

        with NotebookProgress(len(requests), max((request.variants for request in requests), default=1) or 1) as shown:
            report, failed = (on_progress, _ignore) if on_progress is not None else (shown, shown.failed)
            return draw_many(self.drawings(requests, timeout, concurrency), len(requests), report, failed)

    def drawings(self, requests: Sequence[Request], timeout: float | None, concurrency: int) -> Generator[tuple[int, Event | Done]]:
        """All requests at once: each one's events, and what `draw` gives for it, as they come. Closing it stops the server's work."""
        from ._many import drawings

        return drawings(lambda request, report, opened: self.draw(request, timeout, report, opened), requests, concurrency)

    def close(self) -> None:
        """Close the channel. Calls under way end as cancelled, and later ones raise RuntimeError."""
        with self._lock:
            self._closed = True
            if self.channel is not None and self._pid == os.getpid():
                self.channel.close()

    def _ask(self, call: str, request: object, timeout: float | None) -> Any:
        import grpc

        sent = self._metadata()
        try:
            return attrgetter(call)(self._open())(request, timeout=timeout, metadata=sent)
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server, sent) from error

    def _open(self) -> Services:
        if self._pid != os.getpid():
            # In a forked child. The parent's channel has lost its threads here, and its lock may never be released; the channel
            # is kept from being collected, because that would close it, and it is not ours to close.
            self._inherited.append(self.channel)
            self._lock, self.channel, self._services, self._pid = threading.Lock(), None, None, os.getpid()
        with self._lock:
            if self._closed:
                raise RuntimeError("this client is closed: make a new one")
            if self._services is None:
                from ._services import Services

                self.channel = self.connection.open()
                self._services = Services(self.channel)
            return self._services

    def _metadata(self) -> list[tuple[str, str]]:
        token = self.connection.token
        return metadata(token() if callable(token) else token)


def _later(seconds: float, ring: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    return timer


def _ignore(index: int) -> None:
    pass
