"""What drawings tell the pages that watch them."""

from __future__ import annotations

from dgnam_client import AsyncClient
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
