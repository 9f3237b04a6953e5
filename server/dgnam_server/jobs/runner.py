"""Draws the pictures of jobs: claims some ahead of the engine, has them drawn behind everybody's own requests, keeps what becomes of them.

State: the claims in hand. Everything happens on the event loop that `run` was called on, the store's calls beside it.
"""

import asyncio
import logging
import os
import platform
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from dgnam_server.jobs.claims import MOST_ATTEMPTS, Claim, Claims, Drawn, Failed
from dgnam_server.jobs.database import StoreError, chunks

log = logging.getLogger(__name__)

_LOOK_S = 2.0  # between two looks for work that another server's client has brought
_TROUBLE_S = 5.0  # until the store is tried again
_AFRESH_S = 30.0  # after which the log says again that the store cannot be used


class Postponed(Exception):
    """The picture cannot be drawn just now, which is no fault of its own."""


class Impossible(Exception):
    """The picture can never be drawn; the message says why."""


Draw = Callable[[Claim, Callable[[], None]], Awaitable[Drawn]]  # the second is to be called once the picture has joined a batch


@dataclass(eq=False)
class _Hand:
    """A claim in hand."""

    claim: Claim
    task: "asyncio.Task[None] | None" = None
    started: bool = False


def owner() -> str:
    """A name for this process that no other has."""
    return f"{platform.node()[:40]}/{os.getpid()}/{secrets.token_hex(4)}"


class Runner:
    """Draws what the store asks for, in as many pictures at a time as `ahead` says.

    Args:
        draw: draws one. Raises Postponed, Impossible, or anything else, after which the picture is tried again a few times.
        obstacle: why pictures with these models, by name with their digests, cannot be drawn here; empty: they can.
        ahead: pictures in hand at a time, some drawn and some waiting.
    """

    def __init__(self, claims: Claims, draw: Draw, obstacle: Callable[[Mapping[str, str]], str], ahead: Callable[[], int]) -> None:
        self._claims, self._draw, self._obstacle, self._ahead = claims, draw, obstacle, ahead
        self._hands: dict[int, _Hand] = {}
        self._outcomes: list[Drawn | Failed] = []
        self._later: list[tuple[int, bool]] = []  # to be given back, and whether that counts as an attempt
        self._news = asyncio.Event()
        self._stopping = False
        self._not_before = self._warned = 0.0
        self.drawn = self.failed = 0  # since the start

    def wake(self) -> None:
        """Look at the store now: a job has begun, or is to stop."""
        self._renewed = 0.0
        self._news.set()

    @property
    def in_hand(self) -> int:
        """Pictures claimed by this server."""
        return len(self._hands)

    async def run(self) -> None:
        """Draw until `stop` is called and what had started has ended."""
        self._renewed = time.monotonic()
        while not (self._stopping and not self._hands):
            self._news.clear()
            try:
                await self._keep()
                await self._renew()
                await self._take()
                pause_s = _LOOK_S
            except StoreError as error:
                self._warn(error)
                pause_s = _TROUBLE_S
            except Exception:  # a bug must not end all jobs until the server is started anew
                log.exception("jobs wait: what follows is a bug")
                pause_s = _TROUBLE_S
            try:
                async with asyncio.timeout(min(pause_s, self._claims.lease_s / 3)):
                    await self._news.wait()
            except TimeoutError:
                pass

    def stop(self) -> None:
        """Take no more, and give back what has not started."""
        self._stopping = True
        for hand in list(self._hands.values()):
            if not hand.started:
                _cancel(hand)
        self._news.set()

    async def close(self, running: "asyncio.Task[None]") -> None:
        """Drop what is in hand, keep what is drawn, give back the rest, and end `run`."""
        self.stop()
        for hand in list(self._hands.values()):
            _cancel(hand)
        try:
            await asyncio.wait_for(running, _TROUBLE_S)
        except TimeoutError:
            log.warning("the jobs' store does not answer: claims on its pictures run out in %g s", self._claims.lease_s)

    async def _take(self) -> None:
        room = self._ahead() - len(self._hands)
        if self._stopping or room <= 0 or time.monotonic() < self._not_before:
            return
        needed = await asyncio.to_thread(self._claims.models)
        able = [digest for digest, models in needed.items() if not self._obstacle(models)]
        for some in chunks(able):  # targets with pictures of their own have settings of their own, which may be many
            for claim in await asyncio.to_thread(self._claims.take, room, some):
                hand = self._hands[claim.id] = _Hand(claim)
                hand.task = asyncio.create_task(self._drawn(hand))
                room -= 1
            if room <= 0:
                return

    async def _drawn(self, hand: _Hand) -> None:
        """Draw one picture; whatever happens to it, it is told."""
        claim = hand.claim

        def started() -> None:
            hand.started = True

        try:
            self._outcomes.append(await self._draw(claim, started))
        except (Postponed, asyncio.CancelledError) as error:
            self._later.append((claim.id, False))
            if isinstance(error, Postponed):
                self._not_before = time.monotonic() + _LOOK_S
        except Impossible as error:
            self._outcomes.append(Failed(claim.id, str(error)))
        except Exception as error:
            if claim.attempt < MOST_ATTEMPTS:
                log.warning("picture %s of a job failed and is tried again: %s", claim.text, error)
                self._later.append((claim.id, True))
            else:
                self._outcomes.append(Failed(claim.id, f"{error} (after {claim.attempt} attempts)"))
        self._news.set()

    async def _keep(self) -> None:
        """Write what became of pictures; until that is done, they stay in hand and their leases are renewed."""
        outcomes, later = list(self._outcomes), list(self._later)
        if outcomes:
            await asyncio.to_thread(self._claims.finish, outcomes)
            del self._outcomes[: len(outcomes)]
            self.drawn += sum(isinstance(one, Drawn) for one in outcomes)
            self.failed += sum(isinstance(one, Failed) for one in outcomes)
            self._forget([one.id for one in outcomes])
        for counted in (False, True):
            ids = [id for id, whether in later if whether is counted]
            if ids:
                await asyncio.to_thread(self._claims.give_back, ids, counted=counted)
                self._forget(ids)
                self._later = [one for one in self._later if one[0] not in ids]

    def _forget(self, ids: list[int]) -> None:
        for id in ids:
            self._hands.pop(id, None)

    async def _renew(self) -> None:
        """Renew the leases in time, and drop what nobody wants any more."""
        if not self._hands or time.monotonic() - self._renewed < self._claims.lease_s / 3:
            return
        self._renewed = time.monotonic()
        ids = list(self._hands)
        wanted = await asyncio.to_thread(self._claims.renew, ids)
        for id in ids:
            if id not in wanted and id in self._hands:
                _cancel(self._hands[id])

    def _warn(self, error: StoreError) -> None:
        if time.monotonic() - self._warned > _AFRESH_S or not self._warned:
            self._warned = time.monotonic()
            log.warning("jobs wait: %s", error)


def _cancel(hand: _Hand) -> None:
    if hand.task is not None:
        hand.task.cancel()
