"""Projections, occlusions and invariances, by both clients."""

from __future__ import annotations

import asyncio
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import (
    AnalysisProgress,
    AnalysisRecipe,
    AsyncClient,
    Client,
    DeadlineExceededError,
    InvalidAddressError,
    InvalidRequestError,
    Invariance,
    Occlusion,
    Projection,
    ProtocolError,
    Queued,
    Started,
)
from dgnam_proto.v1.synthesis_pb2 import PRIORITY_BATCH
from PIL import Image

PHOTO = Image.new("RGB", (20, 20), "red")


def test_a_projection(client: Client, server: Any, tmp_path: Path) -> None:
    events: list[object] = []
    found = client.project(PHOTO, "alexnet64:conv1:3@1,2", method="integrated", looks=2, enlarge=True, on_progress=events.append)
    assert isinstance(found, Projection) and found.activations == (2.5,) and found.positions == ((1, 2),)
    assert [type(event) for event in events] == [Queued, Started, AnalysisProgress, Projection]
    assert found.array.shape == (8, 8, 3) and found.box == (1, 2, 7, 5) and found.seen.size == found.image.size == (8, 8)
    assert repr(found) == "<Projection alexnet64:conv1:3@1,2 (lemon) by integrated, activation 2.5>"
    sent = server.requests[-1]
    assert (sent.method, dict(sent.options), sent.enlarge, sent.HasField("top")) == ("integrated", {"looks": 2}, True, False)
    path = found.save(tmp_path / "lemon.png")
    assert path.read_bytes() == found.png and AnalysisRecipe.load(tmp_path / "lemon.json") == found.recipe
    assert np.load(found.save(tmp_path / "lemon.npy", recipe=False)).shape == (8, 8, 3)
    with pytest.raises(ValueError, match="recipe's name"):
        found.save(tmp_path / "lemon.json")


def test_several_pictures_come_in_their_order(client: Client) -> None:
    found = client.project([PHOTO, PHOTO], "alexnet64")
    assert isinstance(found, list) and [(one.picture, one.activations[0]) for one in found] == [(0, 2.5), (1, 3.5)]


def test_an_occlusion(client: Client, server: Any, tmp_path: Path) -> None:
    found = client.occlude(PHOTO, ["alexnet64:conv1:3", "alexnet64:fc8:lemon"], size=5, colour=(0, 0.5, 1))
    assert isinstance(found, Occlusion) and found.probability_map.tolist() == [[0, 0.25], [0.5, 0.75]]
    assert found.class_map.tolist() == [[0, 0], [1, 0]] and found.class_map.dtype == np.int64
    assert repr(found) == "<Occlusion alexnet64:conv1:3+alexnet64:fc8:lemon, 2 x 2 places>"
    sent = server.requests[-1]
    assert (sent.size, list(sent.colour), sent.HasField("stride")) == (5, [0, 0.5, 1], False)
    sheet = found.save(tmp_path / "o.png")
    with Image.open(sheet) as drawn:
        assert drawn.width > 600
    assert found._repr_png_().startswith(b"\x89PNG")
    assert AnalysisRecipe.load(tmp_path / "o.json") == found.recipe
    with np.load(found.save(tmp_path / "o.npz", recipe=False)) as maps:
        assert sorted(maps) == ["activation", "classes", "probability"]
    with pytest.raises(ValueError, match="'.npy' is not the suffix of a sheet"):
        found.save(tmp_path / "o.npy")
    assert list(client.occlude(PHOTO, "alexnet64", colour=0.25).recipe.request().colour) == [0.25]  # type: ignore[union-attr]


def test_an_invariance(client: Client, server: Any, tmp_path: Path) -> None:
    found = client.transform(PHOTO, ["alexnet64:conv1", "alexnet64:fc8:lemon"], rotations=[0, 90, 180], scales=(2.0,), colour=0.25)
    assert isinstance(found, Invariance) and list(found.curves) == ["rotation"] and found.taps == ("conv1", "fc7")
    curve = found.curves["rotation"]
    assert (
        curve.amounts.tolist() == [0, 90, 180] and curve.probabilities.tolist() == [0.75, 0.5, 0.25] and curve.classes.tolist() == [0, 0, 1]
    )
    assert found.relative("rotation").tolist() == [[0, 0.5, 1], [0.75, 1, 1.25]]
    assert repr(found) == "<Invariance alexnet64:conv1+alexnet64:fc8:lemon: rotation>" and found.recipe.method == "invariance"
    sent = server.requests[-1]
    assert (list(sent.rotations), list(sent.scales), list(sent.translations), list(sent.colour)) == ([0, 90, 180], [2], [], [0.25])
    with Image.open(found.save(tmp_path / "i.png")) as drawn:
        assert drawn.width > 600
    assert found.save(tmp_path / "i.svg", recipe=False).read_bytes().startswith(b"<?xml")
    assert AnalysisRecipe.load(tmp_path / "i.json") == found.recipe
    with np.load(found.save(tmp_path / "i.npz", recipe=False)) as arrays:
        assert arrays["rotation_distances"].shape == (2, 3) and arrays["taps"].tolist() == ["conv1", "fc7"]
    with pytest.raises(ValueError, match="npy"):
        found.save(tmp_path / "i.npy")
    assert found.sheet(found).height > found.sheet().height / 2 and found._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InvalidRequestError, match="the same layers"):
        found.sheet(replace(found, taps=("conv1",)))


def test_curves_without_matplotlib(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = client.transform(PHOTO, "alexnet64")
    monkeypatch.setitem(sys.modules, "dgnam_client._invariance_plot", None)
    with pytest.raises(InvalidRequestError, match="pip install"):
        found.save(tmp_path / "i.png")  # type: ignore[union-attr]
    assert found.save(tmp_path / "i.npz").is_file()  # type: ignore[union-attr]


def test_recipes(client: Client, tmp_path: Path) -> None:
    projected, occluded = client.project(PHOTO, "alexnet64:fc8:lemon"), client.occlude(PHOTO, "alexnet64")
    for found in (projected, occluded, client.transform(PHOTO, "alexnet64")):
        recipe = found.recipe  # type: ignore[union-attr]
        path = recipe.save(tmp_path / "r.json")
        for form in (recipe, recipe.to_dict(), recipe.to_json(), path):
            again = client.replay_analysis(form)
            assert type(again) is type(found) and again.recipe == recipe and recipe.differences(again.recipe) == []
        assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert repr(projected.recipe) == "<AnalysisRecipe alexnet64:fc8:lemon method=deconvnet>"  # type: ignore[union-attr]
    assert occluded.recipe.method == "occlusion"  # type: ignore[union-attr]
    with pytest.raises(InvalidRequestError, match="holds no project or occlude or transform"):
        client.replay_analysis({"synthesize": {}})


def test_what_is_refused_here(client: Client, server: Any) -> None:
    for arguments, options, error, says in (
        ((3, "alexnet64"), {}, InvalidRequestError, r"pictures\[0\]: a value of type int is not a picture"),
        (([], "alexnet64"), {}, InvalidRequestError, "pictures: there is no picture"),
        ((PHOTO, "alexnet64::3"), {}, InvalidAddressError, "is not the address"),
        ((PHOTO, "alexnet64"), {"top": "two"}, InvalidRequestError, "top: 'two' is not an integer"),
        ((PHOTO, "alexnet64"), {"looks": "two"}, InvalidRequestError, "options.looks: 'two' is not a number"),
        ((PHOTO, "alexnet64"), {"enlarge": 1}, InvalidRequestError, "enlarge: 1 is neither True nor False"),
        ((PHOTO, "alexnet64"), {"determinism": "loose"}, InvalidRequestError, "determinism: 'loose' is none of"),
    ):
        with pytest.raises(error, match=says):
            client.project(*arguments, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="colour: 'red' is not a grey"):
        client.occlude(PHOTO, "alexnet64", colour="red")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="scales: 2 is not a list of numbers"):
        client.transform(PHOTO, "alexnet64", scales=2)  # type: ignore[arg-type]
    assert not server.requests


def test_what_cannot_be_read(client: Client) -> None:
    with pytest.raises(ProtocolError, match="after 0 of 1 results"):
        client.project(PHOTO, "alexnet64:fc8:cut")
    with pytest.raises(ProtocolError, match="maps cannot be read: .* 3 classes"):
        client.occlude(PHOTO, "alexnet64:fc8:broken")
    with pytest.raises(ProtocolError, match="curve cannot be read"):
        client.transform(PHOTO, "alexnet64:fc8:broken")


def test_leaving_early_stops_the_server(client: Client, server: Any) -> None:
    def leave(event: object) -> None:
        if isinstance(event, AnalysisProgress):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.project(PHOTO, "alexnet64:fc8:slow", on_progress=leave)
    assert server.cancelled.acquire(timeout=60)
    with pytest.raises(DeadlineExceededError):
        client.occlude(PHOTO, "alexnet64:fc8:slow", timeout=0.3)


async def test_asyncio(server: Any) -> None:
    async with AsyncClient(server.url) as client:
        events: list[object] = []
        projected = await client.project([PHOTO], "alexnet64", on_progress=events.append)
        assert isinstance(projected, list) and len(events) == 4
        occluded = await client.occlude(PHOTO, "alexnet64")
        assert isinstance(occluded, Occlusion)
        assert (await client.replay_analysis(occluded.recipe)).recipe == occluded.recipe
        transformed = await client.transform(PHOTO, "alexnet64")
        assert isinstance(transformed, Invariance)
        assert (await client.replay_analysis(transformed.recipe)).recipe == transformed.recipe
        assert (await client.replay_analysis(projected[0].recipe)).recipe == projected[0].recipe
        begun = asyncio.Event()
        task = asyncio.create_task(client.project(PHOTO, "alexnet64:fc8:slow", on_progress=lambda event: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.cancelled.acquire, timeout=60)


async def test_how_they_wait(client: Client, server: Any) -> None:
    waits: dict[str, Any] = {"priority": "batch", "queue_timeout_s": 30}
    client.draw(np.zeros(5), **waits)
    client.activations(PHOTO, "alexnet64:fc8", **waits)
    client.project(PHOTO, "alexnet64:fc8:lemon", **waits)
    recipe = client.occlude(PHOTO, "alexnet64", **waits).recipe
    client.transform(PHOTO, "alexnet64", **waits)
    client.exemplars("alexnet64:conv1:3", **waits)
    client.replay_analysis(recipe, **waits)
    async with AsyncClient(server.url) as other:
        await other.draw(np.zeros(5), **waits)
        await other.activations(PHOTO, "alexnet64:fc8", **waits)
        await other.project(PHOTO, "alexnet64:fc8:lemon", **waits)
        await other.occlude(PHOTO, "alexnet64", **waits)
        await other.transform(PHOTO, "alexnet64", **waits)
        await other.exemplars("alexnet64:conv1:3", **waits)
        await other.replay_analysis(recipe, **waits)
    assert [(asked.priority, asked.queue_timeout_s) for asked in server.requests[-14:]] == [(PRIORITY_BATCH, 30)] * 14
