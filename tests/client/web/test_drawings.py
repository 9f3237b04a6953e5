"""What drawings tell the pages that watch them."""

from __future__ import annotations

from dgnam_client import AsyncClient, Client
from dgnam_client._web.drawings import Drawings, Wish
from dgnam_client._web.shelf import Shelf

from .conftest import target


async def test_the_end_is_told_also_to_a_page_that_was_slow_to_hear_the_beginning(shelf: Shelf) -> None:
    async with AsyncClient("grpc://127.0.0.1:1") as client:
        drawings = Drawings(client, shelf)
        (drawing,) = drawings.start([Wish(target(0), False, {"method": "dgn-am", "seed": 0})])
        told = drawings.watch([drawing.id])
        assert (await anext(told))["state"] == "waiting"
        drawings._tell(drawing, state="failed", problem="gone")  # while the page still takes in the first
        assert [fact["state"] async for fact in told] == ["failed"]
        await drawings.close()


async def test_a_finished_drawing_is_told_whole(client: Client, shelf: Shelf) -> None:
    """However far the last progress was: it gives way to the result."""
    async with AsyncClient(client.server) as own:
        drawings = Drawings(own, shelf)
        (drawing,) = drawings.start([Wish(target(0), False, {"method": "dgn-am", "seed": 0, "steps": 4}, steps=600)])
        facts = [fact async for fact in drawings.watch([drawing.id])]
        assert (facts[-1]["state"], facts[-1]["step"], facts[-1]["total"]) == ("done", drawing.total, drawing.total), facts
        await drawings.close()
