"""The pictures being drawn: one task for each, which any number of pages may watch.

Rules: a drawing goes on while nobody watches, until it is cancelled; what it told last is kept, so that a page that was loaded anew
shows it. Where the server is full or starting, and says when to come again, a drawing that has no step yet tries again by itself. Those
that ended are remembered for a while, the oldest forgotten first.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .._aio import AsyncClient
from .._errors import DgnamError, OverloadedError, UnavailableError
from .._events import Event, Progress, Queued, Started
from .._result import Result
from .catalogue import Target
from .shelf import Shelf

log = logging.getLogger(__name__)

MOST_AT_ONCE = 64
MOST_REMEMBERED = 400
MOST_PHOTOGRAPH_BYTES = 256 * 2**20
PREVIEWS = 24  # of a picture on its way
MOST_TRIES = 60
_PAUSE_S = 1.0, 10.0  # between two tries, at least and at most
_PACE_S = 0.1  # between two messages to a page

State = Literal["waiting", "drawing", "done", "failed", "cancelled"]


class FullError(Exception):
    """So many pictures are being drawn that no more are taken."""


@dataclass(frozen=True)
class Wish:
    """A picture to draw.

    Attributes:
        target: Of what.
        pixels: Whether the method draws without a prior.
        keywords: What the client's call takes: method, seed, options and so on.
        steps: How many steps it will take, as far as that is known.
    """

    target: Target
    pixels: bool
    keywords: Mapping[str, Any] = field(repr=False)
    steps: int = 0

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.keywords["method"])

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.keywords["seed"])


@dataclass(eq=False)
class Drawing:
    """How far a picture is.

    Attributes:
        id: Its name in addresses.
        place: Jobs ahead of it, while it waits.
        preview: The picture so far, a PNG file; None before the first.
        previews: How many previews have come.
        picture: The finished picture's digest.
        problem: Why it failed, for people.
        changes: How often anything of it has changed.
        tries: How often the server has asked to try again later.
        excuse: Why it did so last; empty once it has taken the request in.
    """

    id: str
    wish: Wish
    state: State = "waiting"
    place: int | None = None
    step: int = 0
    total: int = 0
    activation: float | None = None
    preview: bytes | None = field(default=None, repr=False)
    previews: int = 0
    picture: str = ""
    problem: str = ""
    changes: int = 0
    tries: int = 0
    excuse: str = ""

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("waiting", "drawing")

    @property
    def text(self) -> str:
        """How far it is, in words."""
        if self.state == "failed":
            return self.problem
        if self.state == "waiting" and self.excuse:
            return self.excuse
        if self.state != "drawing":
            ahead = "waiting" if self.place is None else "next in the queue" if self.place == 0 else f"{self.place} ahead in the queue"
            return ahead if self.state == "waiting" else self.state
        return f"step {self.step} of {self.total}" if self.total else "starting"

    def told(self) -> dict[str, Any]:
        """What a page that watches needs to know."""
        facts = {"id": self.id, "state": self.state, "text": self.text, "step": self.step, "total": self.total}
        return facts | {"activation": self.activation, "previews": self.previews}


class Drawings:
    """All drawings of a gallery. Used from one event loop."""

    def __init__(self, client: AsyncClient, shelf: Shelf) -> None:
        self._client, self._shelf = client, shelf
        self._drawings: dict[str, Drawing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watchers: set[asyncio.Event] = set()

    def start(self, wishes: Iterable[Wish]) -> list[Drawing]:
        """Begin to draw.

        Raises:
            FullError: That would be too many at once; none is begun then.
        """
        begun = [Drawing(secrets.token_hex(8), wish, total=wish.steps) for wish in wishes]
        if len(self._tasks) + len(begun) > MOST_AT_ONCE:
            raise FullError(f"{len(self._tasks)} pictures are being drawn, and {MOST_AT_ONCE} may be at once: wait, or cancel some.")
        self._forget(begun)
        if _photographs([*self._drawings.values(), *begun]) > MOST_PHOTOGRAPH_BYTES:
            raise FullError("The photographs of all drawings under way are as much as can be held: wait, or cancel some.")
        for drawing in begun:
            self._drawings[drawing.id] = drawing
            self._tasks[drawing.id] = asyncio.create_task(self._draw(drawing), name=f"drawing {drawing.id}")
        return begun

    def _forget(self, begun: Sequence[Drawing]) -> None:
        """Forget the oldest that have ended, where there are too many, or their photographs take too much."""
        for drawing in [drawing for drawing in self._drawings.values() if not drawing.live]:
            held = [*self._drawings.values(), *begun]
            if len(held) <= MOST_REMEMBERED and _photographs(held) <= MOST_PHOTOGRAPH_BYTES:
                return
            del self._drawings[drawing.id]

    def find(self, id: str) -> Drawing | None:
        """A drawing by its id."""
        return self._drawings.get(id)

    def of_target(self, target: Target) -> list[Drawing]:
        """A target's drawings that are under way or have failed, the newest first."""
        shown = [drawing for drawing in self._drawings.values() if drawing.live or drawing.state == "failed"]
        return [drawing for drawing in reversed(shown) if drawing.wish.target.text == target.text]

    def live(self) -> list[Drawing]:
        """All drawings under way, the newest first."""
        return [drawing for drawing in reversed(self._drawings.values()) if drawing.live]

    async def cancel(self, drawing: Drawing) -> None:
        """Stop a drawing, and the server's work on it."""
        if (task := self._tasks.get(drawing.id)) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if drawing.live:  # its task had not begun
            self._tell(drawing, state="cancelled")

    def dismiss(self, drawing: Drawing) -> None:
        """Forget a drawing that has ended."""
        if not drawing.live:
            self._drawings.pop(drawing.id, None)

    async def watch(self, ids: Iterable[str]) -> AsyncGenerator[dict[str, Any]]:
        """What these drawings tell: each one's state at once, then whenever it changes, until all have ended."""
        left = dict.fromkeys(ids, -1)
        changed = asyncio.Event()
        self._watchers.add(changed)
        try:
            while left:
                changed.clear()
                for id, seen in list(left.items()):
                    drawing = self._drawings.get(id)
                    if drawing is not None and drawing.changes == seen:
                        continue
                    # Before the page has it: what changes meanwhile is to be told next.
                    if drawing is None or not drawing.live:
                        del left[id]
                    else:
                        left[id] = drawing.changes
                    yield {"id": id, "state": "gone"} if drawing is None else drawing.told()
                if left:
                    await asyncio.sleep(_PACE_S)
                    await changed.wait()
        finally:
            self._watchers.discard(changed)

    async def close(self) -> None:
        """Cancel all drawings."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _draw(self, drawing: Drawing) -> None:
        try:
            while (pause_s := await self._try(drawing)) is not None:
                await asyncio.sleep(pause_s)
            if drawing.live:
                self._tell(drawing, state="failed", problem="The server ended the call without a picture.")
        except asyncio.CancelledError:
            self._tell(drawing, state="cancelled")
        except (DgnamError, OSError, ValueError) as error:
            self._tell(drawing, state="failed", problem=str(error))
        except Exception:
            log.exception("drawing %s", drawing.id)
            self._tell(drawing, state="failed", problem="A fault in the gallery itself. What it prints tells more.")
        finally:
            self._tasks.pop(drawing.id, None)

    async def _try(self, drawing: Drawing) -> float | None:
        """Draw; where the server asks to try again later, how many seconds to wait."""
        wish = drawing.wish
        begin = self._client.stream_pixels if wish.pixels else self._client.stream
        try:
            async with aclosing(begin([named.term for named in wish.target.terms], **wish.keywords)) as events:
                async for event in events:
                    await self._hear(drawing, event)
        except (OverloadedError, UnavailableError) as error:
            if error.retry_after_s is None or drawing.step or drawing.tries >= MOST_TRIES:
                raise
            self._tell(drawing, state="waiting", place=None, tries=drawing.tries + 1, excuse=error.message)
            return min(max(error.retry_after_s, _PAUSE_S[0]), _PAUSE_S[1])
        return None

    async def _hear(self, drawing: Drawing, event: Event) -> None:
        if isinstance(event, Queued):
            self._tell(drawing, place=event.position, excuse="")
        elif isinstance(event, Started):
            self._tell(drawing, state="drawing", place=None)
        elif isinstance(event, Progress):
            for row in event.variants:
                self._tell(drawing, step=row.step, total=row.total_steps, activation=row.activation)
                if row.preview is not None:
                    self._tell(drawing, preview=row.preview, previews=drawing.previews + 1)
        elif isinstance(event, Result):
            target = drawing.wish.target
            # The last progress may have given way to the result.
            self._tell(drawing, step=drawing.total, activation=event.activation)
            kept = await asyncio.to_thread(self._shelf.keep, event, target.text, target.units)
            drawing.wish = replace(drawing.wish, keywords={**drawing.wish.keywords, "start": None})
            self._tell(drawing, state="done", picture=kept.digest, activation=kept.activation, preview=None)

    def _tell(self, drawing: Drawing, **facts: Any) -> None:
        for name, value in facts.items():
            setattr(drawing, name, value)
        drawing.changes += 1
        for changed in self._watchers:
            changed.set()


def _photographs(drawings: Iterable[Drawing]) -> int:
    """Bytes of the photographs that drawings start from; those of one form share theirs. A finished picture's is in its recipe."""
    held = (drawing.wish.keywords.get("start") for drawing in drawings if drawing.state != "done")
    return sum({id(photograph): len(photograph) for photograph in held if photograph}.values())
