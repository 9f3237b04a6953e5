"""Pools: where work for requests is done beside the event loop. Each is bounded, and none waits for another's work.

Checking parses and reads messages, which is brief whatever they hold; encoding packs what was drawn; decoding is done in processes.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Self, TypeVar

from dgnam_server.rpc import identity
from dgnam_server.rpc.allowance import Allowances
from dgnam_server.rpc.decoder import Decoder
from dgnam_server.settings import Settings

_CHECKING_THREADS = 2
_ENCODING_THREADS = 2
P = ParamSpec("P")
T = TypeVar("T")


class Pools:
    """The pools of one server. To be closed."""

    def __init__(self, decoder: Decoder, allowances: Allowances) -> None:
        self.decoder, self.allowances = decoder, allowances
        self._checking = ThreadPoolExecutor(_CHECKING_THREADS, "checking")
        self._encoding = ThreadPoolExecutor(_ENCODING_THREADS, "encoding")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Pools of these sizes."""
        decoder = Decoder(settings.picture_workers, settings.max_start_image_pixels, settings.picture_timeout_s)
        return cls(decoder, Allowances(settings.client_call_share))

    async def check(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """What the function gives, called in the pool for checking, at the cost of whose call it is. It must be brief, since it cannot be
        interrupted."""
        took_s = 0.0

        def timed() -> T:
            nonlocal took_s
            started = time.thread_time()
            try:
                return function(*values, **named)
            finally:
                took_s = time.thread_time() - started

        try:
            return await _called(self._checking, timed)
        finally:
            self.allowances.charge(identity.ACCOUNT.get(), took_s)

    async def encode(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """What the function gives, called in the pool for encoding."""
        return await _called(self._encoding, function, *values, **named)

    async def close(self) -> None:
        """End the processes and, after what they do now, the threads."""
        await self.decoder.close()
        self._checking.shutdown(wait=False, cancel_futures=True)
        self._encoding.shutdown(wait=False, cancel_futures=True)


async def _called(pool: ThreadPoolExecutor, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*values, **named))
