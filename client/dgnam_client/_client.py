"""The client for threads. What it sends and what it makes of the answers is in _wire.py."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, Unpack, cast, overload

import grpc
from dgnam_proto.v1 import catalog_pb2, server_pb2
from google.protobuf import wrappers_pb2

from . import _wire
from ._channel import Connection, Services, Token, bearer, seconds
from ._errors import DgnamError, RpcFailure, from_rpc
from ._result import Event, Result
from ._target import TargetLike
from ._types import Load, Methods, Model, ServerInfo, SynthesisOptions, UnitInfo


class Client:
    """A dgnam server's calls, for threads.

    The channel is opened by the first call. One client may be used from many threads at once, and after a fork the child's
    first call opens its own channel. Every call raises `DgnamError`, of the kind that fits.

    Args:
        server: `grpc://host:port`, or `grpcs://host:port` for TLS; default: DGNAM_SERVER, else `DEFAULT_SERVER`.
        token: The bearer token, or a function that gives it before each call; default: DGNAM_TOKEN, else none. Over `grpc://`
            it travels in clear text.
        ca_file: PEM certificates to trust in place of the system's.
        cert_file: This client's PEM certificate, where the server asks for one.
        key_file: Its PEM key.
        timeout: Seconds that a call may take, other than synthesis.
        synthesis_timeout: Seconds that a synthesis may take, waiting included.

    Every call has a `timeout` of its own, which overrides these; `math.inf` is none.

    Raises:
        InvalidRequestError: The address is malformed, or the files do not fit it or each other.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        token: Token | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        cert_file: str | os.PathLike[str] | None = None,
        key_file: str | os.PathLike[str] | None = None,
        timeout: float = 10.0,
        synthesis_timeout: float = 600.0,
    ) -> None:
        self._connection = Connection.of(server, token, ca_file, cert_file, key_file)
        self._timeout = timeout
        self._synthesis_timeout = synthesis_timeout
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._channel: grpc.Channel | None = None
        self._services: Services | None = None
        self._inherited: list[grpc.Channel | None] = []
        self._closed = False

    @property
    def server(self) -> str:
        """The server's address."""
        return str(self._connection.address)

    @overload
    def synthesize(
        self,
        target: TargetLike,
        *,
        variants: None = None,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Result: ...
    @overload
    def synthesize(
        self,
        target: TargetLike,
        *,
        variants: int,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Result | list[Result]: ...
    @_wire.takes_options
    def synthesize(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Result | list[Result]:
        """Draw the picture that a target prefers.

        Args:
            target: An address, `model:tap:unit`; `+` between addresses, a list of them, or a dict from address to weight puts
                several units into one picture.
            variants: How many pictures, each from its own seed.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.
            **options: See SynthesisOptions.

        Returns:
            The picture; with `variants` of two or more, the list of them.

        Raises:
            InvalidAddressError: Something in the target is no address.
            TypeError: An option that does not exist.
            DgnamError: The server refused or failed.
        """
        request = _wire.synthesize_request(target, variants, **options)
        return self._draw(request, timeout, on_progress or _ignore)

    @_wire.takes_options
    def stream(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Unpack[SynthesisOptions]
    ) -> Generator[Event]:
        """Draw as `synthesize` does, and tell what happens meanwhile.

        Yields:
            Queued, Started, Progress (with previews where `preview_interval` asks for them), and a Result per variant. Closing
            the generator stops the server's work.

        Raises:
            DgnamError: As `synthesize`; a bad argument at once, what the server says while iterating.
        """
        return self._events(_wire.synthesize_request(target, variants, **options), timeout)

    @overload
    def synthesize_many(
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
    def synthesize_many(
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
    def synthesize_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: Callable[[int, Event], object] | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Unpack[SynthesisOptions],
    ) -> Any:
        """Draw a picture for each of several targets, at the same time.

        Args:
            targets: As `synthesize` takes one.
            variants: How many pictures of each.
            on_progress: Called in this thread with a target's index and an event. What it raises stops all work.
            concurrency: How many requests are with the server at once.
            timeout: Seconds for each target, from the moment its request is sent.
            **options: See SynthesisOptions; the same for all.

        Returns:
            In the order of the targets, what `synthesize` would have returned, or the DgnamError that it would have raised.

        Raises:
            InvalidAddressError: Something in a target is no address; nothing has been sent then.
            TypeError: An option that does not exist.
        """
        requests = [_wire.synthesize_request(target, variants, **options) for target in targets]
        return self._draw_many(requests, timeout, on_progress or _ignore, concurrency)

    def synthesize_pixels(
        self,
        target: TargetLike,
        *,
        variants: int | None = None,
        on_progress: Callable[[Event], object] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """Draw the picture that a target prefers by optimizing the picture itself; no prior takes part.

        Args:
            target: As `synthesize` takes one.
            variants: How many pictures, each from its own seed.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.
            **options: See PixelOptions; every other keyword is an option of the method, such as `steps` or `tv_weight`. Which ones
                there are, `methods()` tells.

        Returns:
            The picture, a Result; with `variants` of two or more, the list of them.

        Raises:
            InvalidAddressError: Something in the target is no address.
            DgnamError: The server refused or failed.
        """
        return self._draw(_wire.pixels_request(target, variants, **options), timeout, on_progress or _ignore)

    def stream_pixels(
        self, target: TargetLike, *, variants: int | None = None, timeout: float | None = None, **options: Any
    ) -> Generator[Event]:
        """Draw as `synthesize_pixels` does, and tell what happens meanwhile: see `stream`."""
        return self._events(_wire.pixels_request(target, variants, **options), timeout)

    def synthesize_pixels_many(
        self,
        targets: Iterable[TargetLike],
        *,
        variants: int | None = None,
        on_progress: Callable[[int, Event], object] | None = None,
        concurrency: int = 32,
        timeout: float | None = None,
        **options: Any,
    ) -> list[Any]:
        """`synthesize_pixels` for each of several targets, at the same time: see `synthesize_many`."""
        requests = [_wire.pixels_request(target, variants, **options) for target in targets]
        return self._draw_many(requests, timeout, on_progress or _ignore, concurrency)

    def replay(
        self, recipe: _wire.RecipeLike, *, on_progress: Callable[[Event], object] | None = None, timeout: float | None = None
    ) -> Result:
        """Draw a recipe's picture again.

        The picture is the same where weights, versions and device are; `Recipe.differences` tells whether they are.

        Args:
            recipe: A result's recipe, its dict or JSON text, or the path of its file.
            on_progress: Called with each event as it comes.
            timeout: Seconds, waiting included.

        Raises:
            InvalidRequestError: It is no recipe.
            DgnamError: The server refused or failed.
        """
        return cast(Result, self._draw(_wire.replay_request(recipe), timeout, on_progress or _ignore))

    def models(self, *, timeout: float | None = None) -> list[Model]:
        """The server's models, without their taps, labels and training facts."""
        return _wire.models(self._ask(self._open().catalog.ListModels, catalog_pb2.ListModelsRequest(), timeout))

    def model(self, name: str, *, timeout: float | None = None) -> Model:
        """One model, with everything about it.

        Raises:
            NotFoundError: No such model.
        """
        return _wire.model(self._ask(self._open().catalog.GetModel, catalog_pb2.GetModelRequest(name=name), timeout).model)

    def units(self, model: str, tap: str | None = None, *, filter: str | None = None, timeout: float | None = None) -> list[UnitInfo]:
        """The units of a tap.

        Args:
            model: The model's name.
            tap: The tap's name; default: the one whose units have labels.
            filter: Only units whose label contains this text; upper and lower case do not matter.
            timeout: Seconds for each page of a thousand units.

        Raises:
            NotFoundError: No such model or tap.
        """
        units, token = [], ""
        while True:
            page = self._ask(self._open().catalog.ListUnits, _wire.units_request(model, tap, filter, token), timeout)
            units += _wire.units(page)
            token = page.next_page_token
            if not token:
                return units

    def methods(self, *, timeout: float | None = None) -> Methods:
        """The server's methods with their options, and what it uses where a call names none."""
        return _wire.methods(self._ask(self._open().catalog.ListMethods, catalog_pb2.ListMethodsRequest(), timeout))

    def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """The server's version, device and limits."""
        return _wire.server_info(self._ask(self._open().server.GetServerInfo, server_pb2.GetServerInfoRequest(), timeout))

    def load(self, *, timeout: float | None = None) -> Load:
        """How busy the server is."""
        return _wire.load(self._ask(self._open().server.GetLoad, server_pb2.GetLoadRequest(), timeout))

    def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """The standard health check: "SERVING" or "NOT_SERVING".

        Args:
            service: A service's full name; default: the server as a whole.
            timeout: Seconds.

        Raises:
            NotFoundError: No such service.
        """
        return _wire.health(self._ask(self._open().health, wrappers_pb2.StringValue(value=service), timeout).value)

    def close(self) -> None:
        """Close the channel. Calls that are under way end as cancelled, and later ones raise RuntimeError."""
        with self._lock:
            self._closed = True
            if self._channel is not None and self._pid == os.getpid():
                self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self.server}>"

    def _open(self) -> Services:
        if self._pid != os.getpid():
            # In a forked child. The parent's channel has lost its threads here, and its lock may never be released; the channel
            # is kept from being collected, because that would close it, and it is not ours to close.
            self._inherited.append(self._channel)
            self._lock, self._channel, self._services, self._pid = threading.Lock(), None, None, os.getpid()
        with self._lock:
            if self._closed:
                raise RuntimeError("this client is closed: make a new one")
            if self._services is None:
                self._channel = self._connection.open()
                self._services = Services(self._channel)
            return self._services

    def _metadata(self) -> list[tuple[str, str]]:
        token = self._connection.token
        return bearer(token() if callable(token) else token)

    def _ask(self, method: Any, request: object, timeout: float | None) -> Any:
        try:
            return method(request, timeout=seconds(timeout, self._timeout), metadata=self._metadata())
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server) from error

    def _events(self, request: _wire.Request, timeout: float | None, on_open: Callable[[Any], object] | None = None) -> Generator[Event]:
        verb = getattr(self._open().synthesis, _wire.VERBS[type(request)])
        call = verb(request, timeout=seconds(timeout, self._synthesis_timeout), metadata=self._metadata())
        try:
            if on_open is not None:
                on_open(call)
            for response in call:
                event = _wire.event(response)
                if event is not None:
                    yield event
        except grpc.RpcError as error:
            raise from_rpc(cast(RpcFailure, error), self.server) from error
        finally:
            # Also where the consumer stops early, or Ctrl-C does: the server then stops too. No effect on a call that has ended.
            call.cancel()

    def _draw(
        self,
        request: _wire.Request,
        timeout: float | None,
        on_progress: Callable[[Event], object],
        on_open: Callable[[Any], object] | None = None,
    ) -> Result | list[Result]:
        results = []
        for event in self._events(request, timeout, on_open):
            if isinstance(event, Result):
                results.append(event)
            on_progress(event)
        return _wire.drawn(request, results)

    def _draw_many(
        self,
        requests: Sequence[_wire.Request],
        timeout: float | None,
        on_progress: Callable[[int, Event], object],
        concurrency: int,
    ) -> list[Result | list[Result] | DgnamError]:
        # Workers only pass on what comes. This thread alone calls back, so it can stop them all where that fails or on Ctrl-C.
        inbox: queue.SimpleQueue[tuple[int, Event | None, Result | list[Result] | BaseException | None]] = queue.SimpleQueue()
        outcomes: dict[int, Result | list[Result] | DgnamError] = {}
        calls: list[Any] = []
        stop = threading.Event()

        def opened(call: Any) -> None:
            calls.append(call)
            if stop.is_set():
                call.cancel()

        def work(index: int) -> None:
            if stop.is_set():
                return
            outcome: Result | list[Result] | BaseException
            try:
                outcome = self._draw(requests[index], timeout, lambda event: inbox.put((index, event, None)), opened)
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


def _ignore(*_: object) -> None:
    pass
