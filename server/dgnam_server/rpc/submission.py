"""Submission: the work of one call on its way through the engine."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from grpc import aio

from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Failed, Finished
from dgnam_server.engine.work import Work
from dgnam_server.rpc import errors
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import Delivery, Mailbox, News, Pace
from dgnam_server.rpc.pools import Pools
from dgnam_server.settings import Settings

Context = aio.ServicerContext[Any, Any]
_SILENCE: tuple[Delivery | None] = (None,)


@dataclass(frozen=True, eq=False)
class Submitter:
    """Reads requests for work and has it done; refuses both until `ready` is set."""

    builder: Builder
    engine: DeviceThread
    limits: Settings
    ready: asyncio.Event
    pools: Pools
    pace: Pace = Pace()

    def reader(self) -> Reader:
        """A reader for a new request.

        Raises:
            NotReady: the engine is still warming up.
        """
        if not self.ready.is_set():
            raise errors.NotReady
        return Reader(self.builder.catalog, self.limits)

    async def deliveries(self, work: Work, context: Context) -> AsyncGenerator[News | None, None]:
        """What becomes of the work until its last row is done; None after a silence. To be closed, which frees its rows.

        Raises:
            ServerError: the work failed, or there is no room for it.
        """
        mailbox = Mailbox(self.pace)
        ticket = self.engine.submit(work, mailbox.put, _deadline(context))
        try:
            unfinished = work.rows
            while unfinished:
                for delivery in await mailbox.take() or _SILENCE:
                    if isinstance(delivery, Failed):
                        raise errors.of_failure(delivery)
                    yield delivery
                    unfinished -= isinstance(delivery, Finished)
        finally:
            ticket.cancel()

    async def values(self, work: Work, context: Context) -> list[Any]:
        """What each row ended with, in order; the rows are freed however the call ends.

        Raises:
            ServerError: as `deliveries`.
        """
        found: list[Any] = [None] * work.rows
        async with aclosing(self.deliveries(work, context)) as deliveries:
            async for delivery in deliveries:
                if isinstance(delivery, Finished):
                    found[delivery.row] = delivery.value
        return found


def _deadline(context: Context) -> float | None:
    """When the engine must give up, a little before the caller does: else the caller is gone when the answer says how far it came."""
    remaining_s = context.time_remaining()
    return None if remaining_s is None else time.monotonic() + remaining_s - min(0.2, 0.1 * remaining_s)
