"""A server that is built once its port is open: health answers at once, while PyTorch is imported and models are loaded."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pool
from grpc import aio

from dgnam_server.observability.metrics import Metrics
from dgnam_server.rpc import errors
from dgnam_server.rpc.entrance import Entrance
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from dgnam_server.app import App


class LaterServices(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic only in the stubs
    """Services that are added while the server runs, by any thread. Until then callers are told that it warms up."""

    def __init__(self) -> None:
        self._handlers: tuple[Any, ...] = ()

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """As a server's: generated code takes this for one."""
        self._handlers = (*self._handlers, *handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """The same handlers once more."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """The handler of a call; None: there is no such method."""
        found = (handler.service(details) for handler in self._handlers)
        handler = next((one for one in found if one is not None), None)
        return _NOT_YET if handler is None and not self._handlers and _is_known(str(details.method)) else handler


def _is_known(method: str) -> bool:
    try:
        descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
    except KeyError:
        return False
    return True


async def _refuse(message: bytes, context: Any) -> None:
    raise errors.NotReady


_NOT_YET = grpc.unary_unary_rpc_method_handler(_refuse, request_deserializer=bytes)


@contextmanager
def _objects_that_stay() -> Iterator[None]:
    """For the length of the block, no garbage is looked for; what is left at its end is never looked through again.

    Of some 300,000 objects nearly all stay. Python looks through them again and again while they come, which takes a fourteenth of the
    start, and later now and then, for a tenth of a second in which no step goes on.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
    gc.collect()
    gc.freeze()


class Starting:
    """To be given to `serve.run`.

    Args:
        started: when the process began, in `time.monotonic` seconds.

    Raises:
        SettingsError: calls are to be traced, and what that needs is not installed.
    """

    def __init__(self, settings: Settings, started: float) -> None:
        self.settings = settings
        self._started, self._entrance, self._services = started, Entrance.of(settings), LaterServices()
        self._app: App | None = None

    @property
    def ready(self) -> asyncio.Event:
        """Set once it serves."""
        return self._entrance.ready

    @property
    def pools(self) -> Pools:
        """Where messages are parsed."""
        return self._entrance.pools

    @property
    def metrics(self) -> Metrics:
        """Which calls are counted."""
        return self._entrance.metrics

    @property
    def tracers(self) -> "TracerProvider | None":
        """Where calls are traced."""
        return self._entrance.tracers

    @property
    def loads(self) -> bool:
        """Whether it is not built yet: nothing would be lost if it ended now."""
        return self._app is None

    def add_to(self, server: aio.Server) -> None:
        """Have the server refuse the calls, until it is built."""
        server.add_generic_rpc_handlers((self._services,))

    def start(self) -> None:
        """Import PyTorch, load the models, warm up.

        Raises:
            SettingsError, CardError: as `app.build`.
        """
        with _objects_that_stay():
            from dgnam_server import app

            self._app = app.build(self.settings, self._started, entrance=self._entrance)
            self._app.add_to(self._services)  # type: ignore[arg-type]  # it takes services as a server does
            self._app.start()

    def summary(self) -> str:
        """What serves, for the log."""
        return self._built.summary()

    def healthy(self) -> bool:
        """Whether calls can be answered now."""
        return self._built.healthy()

    @asynccontextmanager
    async def background(self) -> AsyncIterator[Callable[[], None]]:
        """What the server does beside calls."""
        async with self._built.background() as take_no_more:
            yield take_no_more

    def drain(self, timeout_s: float) -> None:
        """Refuse new work; returns once all work has ended, which it is made to after this time."""
        self._built.drain(timeout_s)

    async def close(self) -> None:
        """Let go of the rest."""
        if self._app is not None:
            await self._app.close()

    @property
    def _built(self) -> "App":
        assert self._app is not None, "it has not been started"
        return self._app
