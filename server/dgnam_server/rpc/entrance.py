"""Entrance: what calls pass before they reach a service. It needs no models and no PyTorch, so it is open before these are there."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from dgnam_server.observability.metrics import Metrics
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


@dataclass(frozen=True, eq=False)
class Entrance:
    """Where messages are parsed, and calls counted and traced; `ready` is set once work is taken."""

    pools: Pools
    metrics: Metrics
    tracers: "TracerProvider | None" = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The entrance with these limits.

        Raises:
            SettingsError: calls are to be traced, and what that needs is not installed.
        """
        return cls(Pools.of(settings), Metrics(), _tracers(settings.traces_endpoint))


def _tracers(endpoint: str | None) -> "TracerProvider | None":
    if endpoint is None:
        return None
    from dgnam_server.rpc import tracing

    return tracing.provider(endpoint)
