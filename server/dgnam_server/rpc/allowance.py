"""Allowance: how much of a processor one client's calls take while others call, and how long its next call waits for that.

Rules: a call costs CALL_S and what checking its message takes. One after a call that was refused costs REFUSED_S, so that who is told no
and asks again at once asks less and less often. A second pays back `share` of a second. Who owes more than SAVED_S waits until it does not,
before its message is read, so that waiting costs next to nothing; who would have to wait for longer than PATIENCE_S waits so long and is
refused. Nobody waits who is alone, since nobody is held up. What drawing takes is no part of it: that is the scheduler's to share.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dgnam_server.engine.load import Overloaded, TooLarge
from dgnam_server.rpc import errors

CALL_S = 0.002  # what gRPC, the log and the metrics take for a call, about
REFUSED_S = 0.02  # more than it takes: such calls are of no use to anybody, and hold up those that are
SAVED_S = 1.0  # a burst of some hundreds of calls waits for nothing
PATIENCE_S = 10.0
_THERE_S = 5.0  # whoever has called so lately may be about to call again
_REFUSALS = (errors.InvalidRequest, errors.NotFound, errors.Unauthenticated, errors.OutOfMemory, TooLarge, NotImplementedError)


@dataclass(eq=False)
class Account:
    """What a client owes in seconds of a processor, when that was so, how many of its calls are under way, and whether the last one that
    ended was refused; `waited_for`: whether the calls of others wait for the sake of its own."""

    owed_s: float
    at: float
    waited_for: bool
    calls: int = 0
    refused: bool = False


class Allowances:
    """Of all clients of a server. Its coroutines run on one event loop.

    Args:
        share: of a processor, for each client; from 1 on nobody ever waits.
        clock: gives seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._clock = share, clock
        self._accounts: dict[str, Account] = {}
        self._look_at = 0.0  # when to forget who is gone

    @asynccontextmanager
    async def call(self, client: str, *, waited_for: bool = True) -> AsyncIterator[None]:
        """For the length of a call; it begins once the client's earlier calls are paid for.

        Args:
            waited_for: not for probes, which come all the time and are brief, nor for strangers: beside them, a client is alone.

        Raises:
            QueueFull: they will not be for a while.
        """
        account = self._settled(client)
        account.calls += 1
        account.waited_for = waited_for
        price_s = REFUSED_S if account.refused else CALL_S
        try:
            self.charge(client, price_s)
            await self._paid(client, account, price_s)
            yield
            account.refused = False
        except Exception as error:
            account.refused = account.refused or _is_refusal(error)
            raise
        finally:
            self._settled(client).calls -= 1

    def charge(self, client: str, seconds: float) -> None:
        """What the client's call took of a processor. Nobody owes more than what takes twice PATIENCE_S to pay back."""
        account = self._settled(client)
        account.owed_s = min(account.owed_s + seconds, SAVED_S + 2 * PATIENCE_S * self._share)

    async def _paid(self, client: str, account: Account, price_s: float) -> None:
        wait_s = (account.owed_s - SAVED_S) / self._share
        if self._share >= 1 or wait_s <= 0 or self._alone(client):
            return
        await asyncio.sleep(min(wait_s, PATIENCE_S))
        if wait_s > PATIENCE_S:
            self.charge(client, CALL_S - price_s)  # it has waited instead
            why = f"the calls of client {client} take more than {self._share:g} of a processor, and others call too"
            raise errors.QueueFull(why, retry_after_s=PATIENCE_S, whose="client")

    def _settled(self, client: str) -> Account:
        """A client's account, with what it has paid back by now."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + _THERE_S
            self._accounts = {name: one for name, one in self._accounts.items() if one.calls or self._owed(one, now) or _there(one, now)}
        account = self._accounts.setdefault(client, Account(0.0, now, waited_for=False))
        account.owed_s, account.at = self._owed(account, now), now
        return account

    def _owed(self, account: Account, now: float) -> float:
        return max(0.0, account.owed_s - self._share * (now - account.at))

    def _alone(self, client: str) -> bool:
        now = self._clock()
        return not any(_there(other, now) for name, other in self._accounts.items() if name != client)


def _is_refusal(error: Exception) -> bool:
    """Whether a call was in vain, and it was for its client to know; not where others have taken all room."""
    return isinstance(error, _REFUSALS) or (isinstance(error, Overloaded) and error.by_client)


def _there(account: Account, now: float) -> bool:
    return account.waited_for and (account.calls > 0 or now - account.at < _THERE_S)
