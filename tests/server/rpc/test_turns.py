"""Turns: who waits goes by client."""

import asyncio

from dgnam_server.rpc.turns import Turns


class Crowd:
    """Callers that hold their places until they are told to leave; `inside` has them as they came in."""

    def __init__(self, places: int) -> None:
        self.now = 0.0
        self.turns = Turns(places, lambda: self.now)
        self.inside: list[str] = []
        self._tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}

    async def come(self, *names: str) -> None:
        """Callers, each named by its client's letter and a number."""
        for name in names:
            leave = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._stay(name, leave)), leave
        await settle()

    async def _stay(self, name: str, leave: asyncio.Event) -> None:
        async with self.turns.one(name[0]):
            self.inside.append(name)
            try:
                await leave.wait()
            finally:
                self.inside.remove(name)

    async def leave(self, name: str, after_s: float = 1.0) -> None:
        self.now += after_s
        self._tasks[name][1].set()
        await settle()

    async def cancel(self, name: str) -> None:
        self._tasks[name][0].cancel()
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_client_served_least_is_next() -> None:
    crowd = Crowd(1)
    await crowd.come("a1", "a2", "a3", "b1", "b2")
    assert crowd.inside == ["a1"]
    await crowd.leave("a1", after_s=10)
    assert crowd.inside == ["b1"], "who came later, since its client had nothing yet"
    await crowd.leave("b1", after_s=4)
    assert crowd.inside == ["b2"], "b has had less time than a"
    await crowd.leave("b2")
    assert crowd.inside == ["a2"]


async def test_of_several_places_one_client_never_has_all() -> None:
    crowd = Crowd(3)
    await crowd.come(*(f"a{number}" for number in range(9)))
    assert crowd.inside == ["a0", "a1"]
    await crowd.come("b0")
    assert crowd.inside == ["a0", "a1", "b0"], "at once"
    await crowd.leave("a0")
    assert crowd.inside == ["a1", "b0", "a2"]
    alone = Crowd(1)
    await alone.come("a0")
    assert alone.inside == ["a0"]


async def test_who_waits_no_longer_takes_no_place() -> None:
    crowd = Crowd(1)
    await crowd.come("a1", "a2", "b1")
    await crowd.cancel("b1")
    await crowd.cancel("a1")
    assert crowd.inside == ["a2"]
    await crowd.leave("a2")
    await crowd.come("c1")
    assert crowd.inside == ["c1"]


async def test_who_leaves_as_its_place_is_given_hands_it_on() -> None:
    turns = Turns(1)
    entered: list[str] = []

    async def enter(client: str) -> None:
        async with turns.one(client):
            entered.append(client)

    async with turns.one("a"):
        gone, patient = asyncio.create_task(enter("b")), asyncio.create_task(enter("c"))
        await settle()
    gone.cancel()  # its place was given just now, and it has not seen it
    await patient
    assert entered == ["c"]
