"""First-layer filters, by both clients and the command."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import AsyncClient, Client, Filters, InvalidRequestError
from dgnam_client._cli import main
from PIL import Image


def test_the_filters(client: Client, server: Any, tmp_path: Path) -> None:
    found = client.filters("alexnet64", shared_scale=True)
    assert isinstance(found, Filters) and found.array.shape == (2, 3, 4, 3) and found.stride == (2, 1)
    assert (found.rms, found.dominating, found.dead) == ((0.25, 1.0), (1,), ())
    assert (dict(found.frequencies), found.aliased) == ({"low": 0.5, "middle": 0.25, "high": 0.25}, 0.125)
    assert (server.requests[-1].model, server.requests[-1].shared_scale) == ("alexnet64", True)
    assert repr(found) == "<Filters of alexnet64: 2, 1 dominate, 0 are dead>" and found._repr_png_().startswith(b"\x89PNG")
    with Image.open(found.save(tmp_path / "sheet.webp")) as sheet:
        assert sheet.size == found.image.size
    assert np.array_equal(np.load(found.save(tmp_path / "all.npy")), found.array)
    with pytest.raises(ValueError, match="'.txt' is not the suffix of a picture"):
        found.save(tmp_path / "all.txt")
    with pytest.raises(InvalidRequestError, match="model: 7"):
        client.filters(7)  # type: ignore[arg-type]


def test_by_asyncio(server: Any) -> None:
    async def ask() -> Filters:
        async with AsyncClient(server.url) as client:
            return await client.filters("alexnet64")

    assert len(asyncio.run(ask()).array) == 2


def test_the_command(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["filters", "alexnet64", "-o", "sheet.png", "--shared-scale"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "alexnet64: 2 filters of 3 x 4 pixels, stride 2 x 1",
        "dominating     1, more than 3 times as strong as the median filter: 1",
        "dead           0, less than a tenth as strong",
        "frequencies    50% low, 25% middle, 25% high",
        "aliased        12% of the energy is at frequencies that the stride cannot carry",
        "sheet.png",
    ]
    assert main(["filters", "alexnet64", "--json", "-o", "all.npy"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["filters"], told["size"], told["dominating"], told["frequencies"]["low"]) == (2, [3, 4], [1], 0.5)
    asked = len(server.requests)
    assert main(["filters", "alexnet64", "-o", "sheet.txt"]) == 2
    assert "-o sheet.txt: end the name in .png" in capsys.readouterr().err and len(server.requests) == asked
