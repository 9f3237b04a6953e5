"""Photographs beside a unit's pictures, over the small server, which has an index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from dgnam_client import AsyncClient
from dgnam_client._web import app
from dgnam_client._web.shelf import Shelf
from starlette.testclient import TestClient


@pytest.fixture
def pages(server: Any, tmp_path: Path) -> Any:
    with TestClient(app.build(AsyncClient(server.url), Shelf(tmp_path, 2**20)), "http://127.0.0.1:8080") as pages:
        yield pages


def test_the_photographs_that_excite_a_unit_most(pages: TestClient) -> None:
    unit = "alexnet64:fc8:0"
    assert f'hx-get="/exemplars/{unit}"' in pages.get(f"/units/{unit}").text
    shown = pages.get(f"/exemplars/{unit}").text
    assert re.findall(r"(\d)\. red fox", shown) == list("123456789")
    assert shown.count("data:image/webp;base64,") == 18, "what the unit sees of each, and its projection"
    assert "strongest of 5000 photographs" in " ".join(shown.split())


def test_a_fault_is_told_without_its_trace(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("secret")

    monkeypatch.setattr("dgnam_client._web.catalogue.Catalogue.networks", broken)
    built = app.build(AsyncClient(server.url), Shelf(tmp_path, 2**20))
    with TestClient(built, "http://127.0.0.1:8080", raise_server_exceptions=False) as pages:
        answer = pages.get("/")
    assert answer.status_code == 500 and "secret" not in answer.text and "content-security-policy" in answer.headers


def test_the_form_and_the_search_over_twelve_hundred_units(pages: TestClient) -> None:
    tap = pages.get("/taps/alexnet64:fc8").text
    assert "1205 units" in tap and "page 1 of 21" in tap and tap.count('class="tile"') == 60
    assert pages.get("/search?q=thing").text.count('class="tile"') == 60
    assert 'name="option.decay"' in pages.get("/options?method=dgn-am").text
