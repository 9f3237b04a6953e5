"""Submission: the work of one call on its way through the engine."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from grpc import aio

from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Failed, Finished
from dgnam_server.engine.job import Standing
from dgnam_server.engine.work import Work
from dgnam_server.rpc import errors, identity
from dgnam_server.rpc.fields import Reader
from dgnam_server.rpc.mailbox import Delivery, Mailbox, News, Pace
from dgnam_server.rpc.pools import Pools
from dgnam_server.rpc.queueing import Queueing
from dgnam_server.settings import Settings

Context = aio.ServicerContext[Any, Any]
_SILENCE: tuple[Delivery | None] = (None,)
_AS_USUAL = Queueing()
log = logging.getLogger(__name__)


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

    async def deliveries(self, work: Work, context: Context, queueing: Queueing = _AS_USUAL) -> AsyncGenerator[News | None, None]:
        """What becomes of the work until its last row is done; None after a silence.

        To be closed, which frees its rows. Whoever asks for the next delivery has passed on the one before.

        Raises:
            ServerError: the work failed, or there is no room for it.
        """
        async with aclosing(self.news(work, self._standing(context, queueing), self.pace, _deadline(context))) as news:
            async for delivery in news:
                yield delivery

    async def news(self, work: Work, standing: Standing, pace: Pace, deadline: float | None = None) -> AsyncGenerator[News | None, None]:
        """As `deliveries`, for work that is no call's.

        Raises:
            ServerError: as `deliveries`.
            Overloaded, TooLarge, Draining: as `DeviceThread.submit`.
        """
        mailbox = Mailbox(pace)
        ticket = self.engine.submit(work, mailbox.put, deadline, standing)
        try:
            unfinished = work.rows
            while unfinished:
                for delivery in await mailbox.take() or _SILENCE:
                    if isinstance(delivery, Failed):
                        raise errors.of_failure(delivery)
                    yield delivery
                    if isinstance(delivery, Finished):
                        unfinished -= 1
                        ticket.read()
        finally:
            ticket.close()

    async def values(self, work: Work, context: Context, queueing: Queueing = _AS_USUAL) -> list[Any]:
        """What each row ended with, in order; the rows are freed however the call ends.

        Raises:
            ServerError: as `deliveries`.
        """
        found: list[Any] = [None] * work.rows
        mailbox = Mailbox(self.pace)
        ticket = self.engine.submit(work, mailbox.put, _deadline(context), self._standing(context, queueing))
        # Not before the answer was sent: until then it takes memory. The stubs take no plain function.
        context.add_done_callback(lambda ctx: ticket.close())  # type: ignore[arg-type]
        unfinished = work.rows
        while unfinished:
            for delivery in await mailbox.take():
                if isinstance(delivery, Failed):
                    raise errors.of_failure(delivery)
                if isinstance(delivery, Finished):
                    found[delivery.row] = delivery.value
                    unfinished -= 1
        return found

    def _standing(self, context: Context, queueing: Queueing) -> Standing:
        waits = [limit for limit in (queueing.timeout_s, self.limits.queue_timeout_s) if limit is not None]
        start_by = time.monotonic() + min(waits) if waits else None
        return Standing(identity.of_call(context, self.limits.client_header), queueing.priority, start_by)


async def passed_on(context: Context, message: Any, timeout_s: float) -> None:
    """Write a stream's message; it ends when flow control lets it go, which is when the client has read enough of what came before.

    Raises:
        Unread: that took longer than `timeout_s`. The client hears it once it reads again; what it has is freed before that.
    """
    # Apart from the first message: of a write that is cut short gRPC does not know that it had sent this, and could send no status either.
    with suppress(aio.UsageError):  # it went before an earlier message
        await context.send_initial_metadata(())
    try:
        async with asyncio.timeout(timeout_s):
            await context.write(message)
    except TimeoutError:
        log.warning("client %s has not read its results for %g s: its call is ended", identity.of_call(context), timeout_s)
        raise errors.Unread(f"the call's results were not read for {timeout_s:g} s") from None


def _deadline(context: Context) -> float | None:
    """When the engine must give up, a little before the caller does: else the caller is gone when the answer says how far it came."""
    remaining_s = context.time_remaining()
    return None if remaining_s is None else time.monotonic() + remaining_s - min(0.2, 0.1 * remaining_s)
