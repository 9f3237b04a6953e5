"""The front: what callers see of a cluster. It is served as a server is, with the same limits, tokens and errors; replicas work."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc import aio

from dgnam_server.cluster.forwarding import CLIENT_KEY, Forwarder, Method
from dgnam_server.cluster.routing import Replica
from dgnam_server.faults import Fault, SettingsError
from dgnam_server.observability.metrics import Metrics
from dgnam_server.rpc import errors, serve
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import OFF, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_FOR_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nobody is told who uses this
    "RAY_DEDUP_LOGS": "0",  # replicas that say the same are not one
    "RAY_COLOR_PREFIX": "0",
    "RAY_worker_niceness": "0",  # by default 15, at which everything else on the machine goes first
    "RAY_prestart_worker_first_driver": "0",  # a process for each core, that nothing here would use
    "RAY_local_fs_capacity_threshold": "1",  # nothing is written to the disk, so it may be full
    # On a busy machine all takes longer; whatever has ended is noticed at once.
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "300",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_health_check_failure_threshold": "30",
}
_GET_LOAD = "/dgnam.v1.ServerService/GetLoad"


class Replicas(Protocol):
    """Where replicas come from. `start` returns once one is ready, `drain` once all have ended."""

    def start(self) -> None:
        """Raises: StartError: none can start; SettingsError: there is no such cluster."""

    def drain(self, timeout_s: float) -> None:
        """Each takes no new work and finishes what it has, within the time."""

    def ready(self) -> Sequence[Replica]:
        """Those that serve now."""


@dataclass(frozen=True, eq=False)
class Front:
    """To be given to `serve.run`."""

    settings: Settings
    replicas: Replicas
    forwarder: Forwarder
    pools: Pools
    metrics: Metrics
    tracers: "TracerProvider | None" = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    draining: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, settings: Settings, replicas: Replicas, token: str) -> "Front":
        """Args: token: what replicas ask for."""
        forwarder = Forwarder(replicas.ready, token, settings.client_header)
        return cls(settings, replicas, forwarder, Pools.of(settings), Metrics())

    @property
    def loads(self) -> bool:
        """Never: Ray's processes are to be ended in order."""
        return False

    def summary(self) -> str:
        """What serves, for the log."""
        ready = self.replicas.ready()
        return f"{len(ready)} replica{'s' if len(ready) != 1 else ''} on Ray so far"

    def start(self) -> None:
        """Returns once a replica is ready."""
        self.replicas.start()

    def healthy(self) -> bool:
        """Whether there is a replica."""
        return bool(self.replicas.ready())

    def drain(self, timeout_s: float) -> None:
        """New calls are refused; those under way have the time to end."""
        self.draining.set()
        self.replicas.drain(timeout_s)

    @asynccontextmanager
    async def background(self) -> AsyncIterator[Callable[[], None]]:
        """Nothing: replicas do it all."""
        yield lambda: None

    async def close(self) -> None:
        """Leave the replicas."""
        await self.forwarder.close()

    def add_to(self, server: aio.Server) -> None:
        """Have the server answer all calls of the contract."""
        for service in serve.SERVICES:
            found = descriptor_pool.Default().FindServiceByName(service)
            handlers = {
                method.name: self._handler(Method(found.name, f"/{service}/{method.name}", method.server_streaming), method)
                for method in found.methods
            }
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))

    def _handler(self, method: Method, described: Any) -> Any:
        make = grpc.unary_stream_rpc_method_handler if method.streaming else grpc.unary_unary_rpc_method_handler
        read = message_factory.GetMessageClass(described.input_type).FromString
        return make(partial(self._answer, method), request_deserializer=read, response_serializer=None)

    async def _answer(self, method: Method, message: Message, context: Any) -> bytes | None:
        if method.path == _GET_LOAD:
            load = await self.forwarder.load(context)
            load.draining = self.draining.is_set()
            return load.SerializeToString()
        if not self.ready.is_set():
            raise errors.NotReady
        if self.draining.is_set():
            raise errors.ShuttingDown("the server is shutting down", retry_after_s=2.0)
        return await self.forwarder.answer(method, message, context)


def jobs_apart(settings: Settings, replicas: Sequence[Replica]) -> str:
    """What to say where jobs are in a file of SQLite and replicas on several machines; empty: nothing."""
    machines = {replica.address.rpartition(":")[0] for replica in replicas}
    where = settings.job_folder
    if len(machines) < 2 or where == OFF or ("://" in where and not where.startswith("sqlite")):
        return ""
    return (
        f"replicas are on {len(machines)} machines, each of which keeps jobs of its own in {where}, so callers find theirs now and then: "
        f"set jobs to a database and job_pictures to what all machines reach, or set jobs to {OFF}"
    )


def build(settings: Settings) -> Front:
    """The front of replicas that Ray places.

    Raises:
        SettingsError: Ray is not installed, or there is no such cluster.
    """
    for name, value in _FOR_RAY.items():  # which reads them when it is imported
        os.environ.setdefault(name, value)
    try:
        from dgnam_server.cluster.fleet import Fleet
    except ImportError as error:
        raise SettingsError(
            [Fault("ray", f'it needs Ray, which is not installed: pip install "dgnam-server[ray]" ({error.name})')]
        ) from None
    token = secrets.token_urlsafe()
    return Front.of(settings, Fleet(settings, token), token)


def of_a_replica(settings: Settings, host: str | None, token: str, threads: int) -> dict[str, Any]:
    """The settings of one replica: the front's, but for who may reach it and how. Args: host: None for its machine's address."""
    left_out = {
        "ray",
        "replicas",
        "max_replicas",
        "replica_jobs",
        "port_file",
        "token_file",
        "tls_cert",
        "tls_key",
        "tls_client_ca",
        "metrics_port",
    }
    kept = settings.model_dump(mode="json", exclude_unset=True, exclude=left_out)
    return {**kept, "host": host, "port": 0, "token": token, "threads": threads, "client_header": CLIENT_KEY}
