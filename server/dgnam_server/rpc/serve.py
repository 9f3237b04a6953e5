"""The gRPC server's life: listen, warm up, serve, drain, stop. Health says which.

NOT_SERVING while warming up and while draining, SERVING between; the port file exists only while SERVING.
"""

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from dgnam_proto.v1 import (
    analysis_pb2,
    analysis_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    search_pb2,
    search_pb2_grpc,
    server_pb2,
    server_pb2_grpc,
    synthesis_pb2,
    synthesis_pb2_grpc,
)
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from dgnam_server import gallery
from dgnam_server.observability import exposition
from dgnam_server.observability.metrics import Metrics
from dgnam_server.rpc import port_file
from dgnam_server.rpc.access import Access
from dgnam_server.rpc.gate import Gate
from dgnam_server.rpc.payload import MAX_MESSAGE_BYTES
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from dgnam_server.app import App

log = logging.getLogger(__name__)

SERVICES = tuple(
    file.DESCRIPTOR.services_by_name[name].full_name
    for file, name in (
        (synthesis_pb2, "SynthesisService"),
        (analysis_pb2, "AnalysisService"),
        (search_pb2, "SearchService"),
        (jobs_pb2, "JobService"),
        (catalog_pb2, "CatalogService"),
        (server_pb2, "ServerService"),
    )
)
_HANDSHAKE_S, _IDLE_S = 10, 600  # who connects and does nothing makes room for others
_METADATA_BYTES = 16 * 2**10
_KEEPALIVE_ANSWER_S = 10.0
_LOOK_S = 1.0  # from one look at whether it is healthy to the next
_LAST_WORDS_S = 2.0  # for streams to send their last message after the engine stopped


_HealthServicer: Any = health.aio.HealthServicer  # type: ignore[attr-defined]  # the stubs do not know it


class _Checks(_HealthServicer):  # type: ignore[misc]
    """The standard's, but for names that nothing here has: it would remember each that somebody watches, for ever."""

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:  # noqa: N802
        """The status of a service, now and whenever it changes."""
        if request.service not in ("", *SERVICES):
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no service of this name")
        await super().Watch(request, context)


class StartError(RuntimeError):
    """The server cannot start; the message says why."""


class Served(Protocol):
    """What answers the calls: one server's parts, or those of a cluster's front. `start` and `drain` may take their time, in threads."""

    @property
    def settings(self) -> Settings:
        """Where to listen, and the limits."""

    @property
    def ready(self) -> asyncio.Event:
        """Set once it serves."""

    @property
    def pools(self) -> Pools:
        """Where messages are parsed."""

    @property
    def metrics(self) -> Metrics:
        """Which calls are counted."""

    @property
    def tracers(self) -> "TracerProvider | None":
        """Where calls are traced."""

    def start(self) -> None:
        """Returns once calls can be answered."""

    def background(self) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Work of its own, beside calls, for the length of the block. What it gives is called before the drain: no more is begun then."""

    def healthy(self) -> bool:
        """Whether calls can be answered now."""

    def drain(self, timeout_s: float) -> None:
        """Refuse new work; returns once all work has ended, which it is made to after this time."""

    async def close(self) -> None:
        """Let go of the rest."""

    def add_to(self, server: aio.Server) -> None:
        """Have the server answer the calls."""

    def summary(self) -> str:
        """What serves, for the log."""


class Loading(Served, Protocol):
    """What answers the calls of a program."""

    @property
    def loads(self) -> bool:
        """Whether there is nothing to end in order yet."""


async def run(app: Served, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then drain and return.

    Raises:
        StartError: the address cannot be listened on, or the TLS files are wrong.
    """
    gallery.check(app.settings)
    port_file.remove(app.settings.port_file)
    server, checks = _server(app), _Checks()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    await _tell(checks, health_pb2.HealthCheckResponse.NOT_SERVING)
    port = _listen(server, app.settings)
    with _measured(app):
        await server.start()
        log.info("listening on %s; calls are answered once models are loaded", _address(app.settings.host, port))
        try:
            await asyncio.to_thread(app.start)
            async with app.background() as take_no_more:
                if not stop.is_set():
                    await _serve(app, checks, port, stop)
                log.info("stopping; running work may take up to %g s more", app.settings.drain_timeout_s)
                await checks.enter_graceful_shutdown()
                take_no_more()
                await asyncio.to_thread(app.drain, app.settings.drain_timeout_s)
        finally:
            await server.stop(_LAST_WORDS_S)
            await app.pools.close()
            await app.close()


async def settled(timeout_s: float = _LAST_WORDS_S) -> None:
    """Wait for the loop's other tasks, such as calls that were cut off and have not come to their end.

    A loop that closes cancels them, and gRPC tells a call that is cancelled while it ends as an error, with a traceback.
    """
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=timeout_s)


def stop_on_signals(stop: asyncio.Event, app: Loading) -> None:
    """SIGTERM and SIGINT set `stop`; the second ends the process at once, whatever still runs. While it loads, the first does."""

    def on_signal(number: int) -> None:
        if stop.is_set() or app.loads:
            port_file.remove(app.settings.port_file)
            os._exit(128 + number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


@contextmanager
def _measured(app: Served) -> Iterator[None]:
    """For the length of the block, metrics are there to be read, and traces are sent; what is left of them is sent at the end."""
    host, port = app.settings.metrics_host, app.settings.metrics_port
    with ExitStack() as stack:
        try:
            stack.enter_context(exposition.exposed(app.metrics.registry, host, port))
        except OSError as error:
            raise StartError(f"metrics cannot be served on {_address(host, port or 0)}: {error.strerror}; see metrics_port") from error
        if app.tracers is not None:
            stack.callback(app.tracers.shutdown)
        yield


async def _serve(app: Served, checks: Any, port: int, stop: asyncio.Event) -> None:
    app.ready.set()
    await _tell(checks, health_pb2.HealthCheckResponse.SERVING)
    with port_file.written(app.settings.port_file, port):
        log.info("serving on %s: %s", _address(app.settings.host, port), app.summary())
        async with gallery.beside(app.settings, port):
            await _watch(app, checks, stop)


async def _watch(app: Served, checks: Any, stop: asyncio.Event) -> None:
    """Keep health right until `stop` is set."""
    told = True
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await stop.wait()
        if not stop.is_set() and (healthy := app.healthy()) is not told:
            told = healthy
            await _tell(checks, health_pb2.HealthCheckResponse.SERVING if told else health_pb2.HealthCheckResponse.NOT_SERVING)


def _server(app: Served) -> aio.Server:
    passed: list[Any] = [Access(app.metrics, app.settings.client_header), *_traced(app), Gate(app.settings, app.pools)]
    server = aio.server(interceptors=passed, options=_options(app.settings))
    app.add_to(server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server


def add_services(app: "App", server: aio.Server) -> None:
    """Have the server answer the calls of dgnam's own services."""
    synthesis_pb2_grpc.add_SynthesisServiceServicer_to_server(app.synthesis, server)
    analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(app.analysis, server)
    search_pb2_grpc.add_SearchServiceServicer_to_server(app.search, server)
    jobs_pb2_grpc.add_JobServiceServicer_to_server(app.jobs, server)
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(app.catalog, server)
    server_pb2_grpc.add_ServerServiceServicer_to_server(app.server, server)


def _traced(app: Served) -> list[Any]:
    if app.tracers is None:
        return []
    from dgnam_server.rpc.tracing import Tracing  # needs the extra, as who has tracers does

    return [Tracing(app.tracers)]


def _options(settings: Settings) -> list[tuple[str, int]]:
    """gRPC's own limits: on connections, streams and messages, and on how long a client that answers nothing is taken for there."""
    return [
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_concurrent_streams", settings.max_connection_calls),
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_s * 1000)),  # calls under way go on; new ones connect anew
        ("grpc.max_connection_idle_ms", _IDLE_S * 1000),
        # So what nobody has asked for yet is 64 KiB a call at most: with probes gRPC lets in megabytes, of refused calls, too.
        # Without them a message that is read needs more round trips: 8 MiB take a second longer where one takes 0.1 s.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_S * 1000),
        ("grpc.max_metadata_size", _METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", 2 * _METADATA_BYTES),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", round(settings.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(_KEEPALIVE_ANSWER_S * 1000)),
        ("grpc.http2.ping_timeout_ms", round(_KEEPALIVE_ANSWER_S * 1000)),  # newer gRPC waits for this one, a minute by default
        ("grpc.http2.max_pings_without_data", 0),  # however long the stream is silent
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.so_reuseport", 0),  # else a second server on the port would silently take half of the calls
    ]


def _listen(server: aio.Server, settings: Settings) -> int:
    """Bind the address; returns the port."""
    address = _address(settings.host, settings.port)
    if settings.exposed and not settings.tokens and settings.tls_client_ca is None:
        log.warning("%s can be reached from other machines and asks for no token: whoever reaches it may use it (see token_file)", address)
    if settings.exposed and settings.tls_cert is None:
        log.warning("%s can be reached from other machines without TLS: others on the way can read along (see tls_cert)", address)
    credentials = _credentials(settings)
    try:
        return server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError as error:
        raise StartError(f"cannot listen on {address}: another program uses the port, or this machine has no such address") from error


def _credentials(settings: Settings) -> grpc.ServerCredentials | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    try:  # gRPC would only say that it cannot listen
        check = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        check.load_cert_chain(settings.tls_cert, settings.tls_key)
        if settings.tls_client_ca:
            check.load_verify_locations(settings.tls_client_ca)
        authorities = settings.tls_client_ca.read_bytes() if settings.tls_client_ca else None
        pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
    except OSError as error:
        raise StartError(f"the TLS files cannot be used: {error}") from error
    return grpc.ssl_server_credentials([pair], authorities, authorities is not None)


async def _tell(checks: Any, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
    for service in ("", *SERVICES):
        await checks.set(service, status)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
