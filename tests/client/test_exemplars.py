"""A unit's strongest photographs, by both clients, and how drawn pictures compare with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import (
    AnalysisProgress,
    AsyncClient,
    Box,
    Client,
    Exemplar,
    Exemplars,
    InvalidAddressError,
    InvalidRequestError,
    Percentile,
    ProtocolError,
    Queued,
    Started,
)
from dgnam_client._sheet import caption
from dgnam_client._wire import results
from dgnam_proto.v1 import synthesis_pb2
from PIL import Image


def test_the_strongest_come_first(client: Client, server: Any, tmp_path: Path) -> None:
    events: list[object] = []
    found = client.exemplars("alexnet64:conv1:3", method="integrated", looks=2, on_progress=events.append)
    assert isinstance(found, Exemplars) and [one.rank for one in found] == list(range(1, 10)) and found[0].activation == 9
    assert [type(event) for event in events[:4]] == [Queued, Started, AnalysisProgress, Exemplar]
    best = found[0]
    assert (best.folder, best.position, best.box, best.index, best.photographs) == ("red fox", (1, 2), Box(1, 2, 5, 8), "photos", 5000)
    assert best.patch.size == (6, 4) and np.array_equal(np.asarray(best.patch), np.asarray(best.seen)[1:5, 2:8])
    assert best.projection is not None and best.projected_patch is not None
    assert np.array_equal(np.asarray(best.projected_patch), np.asarray(best.projection.image)[1:5, 2:8])
    assert repr(best) == "<Exemplar 1 of unit 3: n01_red_fox/1.png, activation 9>" and repr(found) == "<Exemplars alexnet64:conv1:3: 9>"
    sent = server.requests[-1]
    assert (sent.method, dict(sent.options), sent.HasField("project"), sent.HasField("count")) == ("integrated", {"looks": 2}, False, False)
    with Image.open(found.save(tmp_path / "sheet.png")) as sheet:
        assert sheet.width > 600 and found._repr_png_().startswith(b"\x89PNG")
    assert found.block().size == (2 * 296 + 12, 296), "three by three, twice"
    with pytest.raises(ValueError, match="'.npy' is not the suffix of a picture"):
        found.save(tmp_path / "sheet.npy")
    with pytest.raises(ValueError, match="no exemplars"):
        Exemplars().sheet()


def test_without_projections(client: Client, server: Any) -> None:
    found = client.exemplars("alexnet64:fc8:lemon", count=2, index="others", project=False)
    assert [one.projection for one in found] == [None, None] and found[0].projected_patch is None
    assert found.block().size == (196, 96) and found.sheet().width > 96
    assert found.title == "alexnet64:fc8:lemon" and client.exemplars("alexnet64:fc8:0", count=1).title == "alexnet64:fc8:0 (lemon)"
    assert (server.requests[0].count, server.requests[0].index, server.requests[0].project) == (2, "others", False)


def test_what_is_wrong_is_told_before_it_is_sent(client: Client, server: Any) -> None:
    with pytest.raises(InvalidAddressError):
        client.exemplars("alexnet64::3")
    with pytest.raises(InvalidRequestError, match="project: 1 is neither True nor False"):
        client.exemplars("alexnet64:conv1:3", project=1)  # type: ignore[arg-type]
    assert not server.requests
    with pytest.raises(ProtocolError, match="ended the stream after 8 exemplars"):
        client.exemplars("alexnet64:fc8:cut")


def test_by_asyncio(server: Any) -> None:
    async def ask() -> Exemplars:
        async with AsyncClient(server.url) as client:
            assert (await client.model("alexnet64")).indices == ("photos",)
            return await client.exemplars("alexnet64:conv1:3", count=3)

    assert [one.rank for one in asyncio.run(ask())] == [1, 2, 3]


def test_percentiles_are_in_results_recipes_and_captions(result_message: Callable[..., synthesis_pb2.Result]) -> None:
    message = result_message()
    message.recipe.percentiles.add(term=0, percent=99.5, largest=14.25, index="photos", photographs=5000)
    found = results.result(message)
    assert found.percentiles == found.recipe.percentiles == (Percentile(0, 99.5, 14.25, "photos", 5000),)
    assert found.recipe.to_dict()["percentiles"][0]["percent"] == 99.5
    assert "above 99.5% of 5000 photographs (at most 14.25)" in caption(found)
    message.recipe.percentiles[0].percent = 100
    assert "above all 5000 photographs (at most 14.25)" in caption(results.result(message))
