"""The gallery's pages over a real server: what people do with them, as a browser would ask."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dgnam_client import AsyncClient, Recipe
from dgnam_client._web import app
from dgnam_client._web.shelf import Shelf
from PIL import Image
from starlette.testclient import TestClient

LEMON, TEAPOT, UNLABELLED = "tiny:fc8:2", "tiny:fc8:3", "tiny:conv3:5"
PART = {"HX-Request": "true"}


@contextmanager
def opened(address: str, folder: Path, most_bytes: int = 2**26) -> Iterator[TestClient]:
    pages = app.build(AsyncClient(address, timeout=100, synthesis_timeout=100), Shelf(folder, most_bytes))
    with TestClient(pages, "http://127.0.0.1:8080") as page:
        yield page


@pytest.fixture
def page(server: Any, tmp_path: Path) -> Iterator[TestClient]:
    with opened(server.address, tmp_path / "shelf") as page:
        yield page


def begin(page: TestClient, target: str = LEMON, photograph: bytes | None = None, **fields: Any) -> str:
    """Ask for a picture as the form does; returns the drawing's id."""
    named = {name.replace("__", "."): str(value) for name, value in fields.items()}
    files = {"start": ("photo.png", photograph or b"")}
    answer = page.post("/drawings", data={"target": target, "method": "dgn-am", **named}, files=files, headers=PART)
    assert answer.status_code == 200, answer.text
    return str(re.findall(r'data-drawing="(\w+)"', answer.text)[0])


def ended(page: TestClient, *ids: str) -> dict[str, dict[str, Any]]:
    """Watch until all drawings have ended; returns the last that was told of each."""
    last = {}
    with page.stream("GET", "/events", params={"drawing": ids}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {") and (fact := json.loads(line[6:])):
                last[fact["id"]] = fact
    return last


def digests(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"/pictures/([0-9a-f]{64})", text)))


def until(holds: Callable[[], bool], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_from_network_to_unit(page: TestClient) -> None:
    assert all(name in page.get("/").text for name in ("tiny", "tiny-res", "/taps/tiny:fc8"))
    network = page.get("/networks/tiny").text
    assert "/taps/tiny:conv3" in network and "maps of" in network
    tap = page.get("/taps/tiny:fc8").text
    assert all(label in tap for label in ("goldfish", "school bus", "lemon")) and f"/units/{LEMON}" in tap
    assert "school bus" not in page.get("/taps/tiny:fc8?filter=LEM").text
    assert "No label contains" in page.get("/taps/tiny:fc8?filter=zebra").text
    unit = page.get(f"/units/{LEMON}").text
    assert "lemon" in unit and "Nothing has been drawn" in unit and f"/units/{TEAPOT}" in unit
    assert "unit 5" in page.get(f"/units/{UNLABELLED}").text and "unit 5@1,1" in page.get(f"/units/{UNLABELLED}@1,1").text


def test_a_label_leads_to_its_unit(page: TestClient) -> None:
    moved = page.get("/units/tiny:fc8:Lemon", follow_redirects=False)
    assert moved.headers["location"] == f"/units/{LEMON}"
    assert page.get("/units/tiny:fc8:teapot+tiny:fc8:lemon", follow_redirects=False).headers["location"] == f"/units/{LEMON}+{TEAPOT}"
    found = page.get("/search?q=lem").text
    assert f"/units/{LEMON}" in found and "/units/tiny-res:fc:2" in found, "in every network"
    assert "No unit of any network" in page.get("/search?q=zebra").text
    assert "&lt;script&gt;" in page.get("/search?q=<script>").text and "<script>" not in page.get("/search?q=<script>").text
    pairs = page.get("/pair", params={"with": LEMON, "q": "tea"}).text
    assert f"/units/{LEMON}+{TEAPOT}" in pairs


def test_units_without_a_label_are_found_by_number_or_address(page: TestClient) -> None:
    assert page.get(f"/search?q={UNLABELLED}", follow_redirects=False).headers["location"] == f"/units/{UNLABELLED}"
    assert page.get("/search?q=tiny:fc8:lemon").url.path == f"/units/{LEMON}"
    for wrong in ("tiny:conv3:9999", "tiny:conv9:1", "nothing:fc8:1", "::", "a:b"):
        assert "No unit of any network" in page.get("/search", params={"q": wrong}).text
        assert "No other unit" in page.get("/pair", params={"with": LEMON, "q": wrong}).text
    for second in (UNLABELLED, "5@1,1", "tiny:fc8:lemon"):
        links = page.get("/pair", params={"with": "tiny:conv3:4", "q": second}).text
        (together,) = re.findall(r'href="(/units/[^"]*)"', links)
        assert page.get(together).status_code == 200
    assert "No other unit" in page.get("/pair", params={"with": "tiny:conv3:4", "q": "4"}).text, "it is the same one"


def test_the_form_offers_what_the_server_tells(page: TestClient) -> None:
    form = page.get("/options?method=pyramid").text
    methods = {method.name: method for method in page.portal.call(page.app.state.gallery.catalogue.methods)}  # type: ignore[attr-defined]
    for option in methods["pyramid"].options:
        assert f'name="option.{option.name}"' in form and option.description.split("<")[0][:30].replace("'", "&#39;") in form
    assert all(f'value="{name}"' in page.get(f"/units/{LEMON}").text for name in methods)


def test_a_picture_is_drawn_watched_and_kept(page: TestClient, server: Any) -> None:
    id = begin(page, seed=3, option__steps=600)  # of which no machine tells in two messages: there are ten a second
    told = ended(page, id)[id]
    assert told["state"] == "done" and told["previews"] > 3
    assert 300 < told["step"] <= 600, "the last progress may give way to the result"
    (digest,) = digests(page.get(f"/drawings/{id}").text)
    assert digest in page.get(f"/units/{LEMON}").text and digest in page.get("/").text and digest in page.get("/taps/tiny:fc8").text
    recipe = Recipe.from_json(page.get(f"/pictures/{digest}.json").content)
    with server.client() as client:
        again = client.replay(recipe)
    file = page.get(f"/pictures/{digest}.png")
    assert file.content == again.png and file.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(page.get(f"/pictures/{digest}.webp").content)).format == "WEBP"
    shown = page.get(f"/pictures/{digest}").text
    assert "dgnam synth --replay" in shown and "client.synthesize" in shown and "polyline" in shown


def test_the_address_stays_valid_after_a_restart(server: Any, tmp_path: Path) -> None:
    with opened(server.address, tmp_path) as page:
        id = begin(page, option__steps=5)
        ended(page, id)
        (digest,) = digests(page.get(f"/drawings/{id}").text)
        content = page.get(f"/pictures/{digest}.png").content
    with opened("grpc://127.0.0.1:1", tmp_path) as page:  # even where the server is gone
        assert page.get(f"/pictures/{digest}.png").content == content
        assert page.get(f"/pictures/{digest}").status_code == 200
        assert ended(page, id) == {id: {"id": id, "state": "gone"}}


def test_cancelling_frees_the_server(page: TestClient, server: Any) -> None:
    id = begin(page, option__steps=2000)
    until(lambda: page.get(f"/drawings/{id}/preview").status_code == 200)
    assert id in page.get(f"/units/{LEMON}").text, "a page that is loaded anew shows it"
    assert "Draw again" in page.post(f"/drawings/{id}/cancel", headers=PART).text
    assert server.idle()
    assert ended(page, id)[id]["state"] == "cancelled"
    again = page.post(f"/drawings/{id}/again", headers=PART).text
    other = re.findall(r'data-drawing="(\w+)"', again)[0]
    assert other != id and page.get(f"/drawings/{id}").status_code == 404
    page.post(f"/drawings/{other}/cancel", headers=PART)
    assert page.post(f"/drawings/{other}/dismiss", headers=PART).text == ""
    assert server.idle()


def test_closing_the_gallery_frees_the_server(server: Any, tmp_path: Path) -> None:
    with opened(server.address, tmp_path) as page:
        begin(page, option__steps=2000, count=3)
    assert server.idle()


def test_several_methods_and_seeds_side_by_side(page: TestClient) -> None:
    ids = [begin(page, count=3, option__steps=3), begin(page, method="pyramid", option__steps=2, option__octaves=1)]
    drawings = re.findall(r'data-drawing="(\w+)"', page.get(f"/units/{LEMON}").text)
    ended(page, *ids, *drawings)
    unit = page.get(f"/units/{LEMON}").text
    assert len(digests(unit)) == 4
    assert re.findall(r"<h2>(dgn-am|pyramid)</h2>", unit) == ["dgn-am", "pyramid"]
    assert 'name="seed" value="3"' in unit, "the next that has not been drawn"


def test_two_units_in_one_picture(page: TestClient) -> None:
    id = begin(page, f"{LEMON}+{TEAPOT}", option__steps=3, balance="gradient-norm")
    ended(page, id)
    (digest,) = digests(page.get(f"/units/{LEMON}+{TEAPOT}").text)
    for unit in (LEMON, TEAPOT):
        assert digest in page.get(f"/units/{unit}").text, "among those it shares with others"
    assert digest not in page.get("/taps/tiny:fc8").text
    assert "--balance gradient-norm" in page.get(f"/pictures/{digest}").text


def test_a_photograph_to_start_from(page: TestClient) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "PNG")
    id = begin(page, photograph=file.getvalue(), option__steps=2)
    assert ended(page, id)[id]["state"] == "done"
    (digest,) = digests(page.get(f"/drawings/{id}").text)
    assert Recipe.from_json(page.get(f"/pictures/{digest}.json").content).request().HasField("start_image")
    damaged = begin(page, photograph=b"no picture at all", option__steps=2)
    assert ended(page, damaged)[damaged]["state"] == "failed"
    assert "picture" in page.get(f"/drawings/{damaged}").text and "Draw again" in page.get(f"/drawings/{damaged}").text


def test_what_excites_the_unit_in_a_picture(page: TestClient) -> None:
    id = begin(page, option__steps=3)
    ended(page, id)
    (digest,) = digests(page.get(f"/drawings/{id}").text)
    shown = page.post(f"/pictures/{digest}/projection", data={"method": "deconvnet"}, headers=PART)
    assert "data:image/png;base64," in shown.text and "deconvnet" in shown.text


def test_everything_wrong_with_a_form_is_told_at_once(page: TestClient) -> None:
    fields = {"target": LEMON, "method": "dgn-am", "seed": "x", "option.decay": "7", "option.steps": "0"}
    answer = page.post("/drawings", data=fields, headers=PART)
    assert answer.status_code == 422 and answer.headers["HX-Retarget"] == "#problems"
    assert answer.text.count("<li>") == 3 and "7 is not between 0 and 1" in answer.text
    assert page.post("/drawings", data=fields).status_code == 422


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/networks/nothing", 404),
        ("/taps/tiny:nothing", 404),
        ("/taps/tiny", 404),
        ("/units/tiny:fc8:999", 404),
        ("/units/tiny:fc8:zebra", 404),
        ("/units/lemon", 400),
        ("/pictures/" + "0" * 64, 404),
        ("/pictures/..%2f..%2fetc%2fpasswd.png", 404),
        ("/drawings/none", 404),
        ("/nothing", 404),
        ("/exemplars/" + LEMON, 409),
        ("/static/../app.py", 404),
    ],
)
def test_what_is_not_there(page: TestClient, address: str, status: int) -> None:
    answer = page.get(address)
    assert answer.status_code == status and "<h1>" in answer.text and "Traceback" not in answer.text


def test_without_a_server_pages_say_so(tmp_path: Path) -> None:
    with opened("grpc://127.0.0.1:1", tmp_path) as page:
        answer = page.get("/")
        assert answer.status_code == 503 and "data-retries" in answer.text and "cannot reach" in answer.text
        assert "does not answer" in page.get("/status").text
        part = page.get("/pair", params={"with": LEMON, "q": "a"}, headers=PART)
        assert part.headers["HX-Retarget"] == "#notices"


def test_no_more_at_once_than_are_taken(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgnam_client._web.drawings.MOST_AT_ONCE", 2)
    answer = page.post("/drawings", data={"target": LEMON, "count": "3"}, headers=PART)
    assert answer.status_code == 429 and "may be at once" in answer.text
    monkeypatch.setattr("dgnam_client._web.drawings.MOST_PHOTOGRAPH_BYTES", 10)
    first = begin(page, photograph=b"x" * 10)
    assert ended(page, first)[first]["state"] == "failed"
    second = begin(page, photograph=b"x" * 10)  # for which the first is forgotten
    assert page.get(f"/drawings/{first}").status_code == 404
    answer = page.post("/drawings", data={"target": LEMON}, files={"start": ("photo.png", b"x" * 11)}, headers=PART)
    assert answer.status_code == 429 and "photographs" in answer.text
    ended(page, second)


def test_a_page_of_ten_thousand_pictures_is_small(page: TestClient, server: Any) -> None:
    """Its first paint must stay under a second on a slow line too: so few elements, so few bytes, and pictures that load when seen."""
    gallery = page.app.state.gallery  # type: ignore[attr-defined]
    with server.client() as client:
        result = client.synthesize(LEMON, steps=1)
    shelf: Shelf = gallery.shelf
    shelf.keep(result, LEMON, [LEMON])
    (digest,) = (kept.digest for kept in shelf.of_target(LEMON, 1))
    with shelf._base as base:  # drawing so many would take an hour
        numbers = "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 10000)"
        for table in ("picture", "content"):
            names = ", ".join(row[1] for row in base.execute(f"PRAGMA table_info({table})") if row[1] != "digest")
            copies = f"SELECT printf('%064x', value), {names} FROM n, {table} WHERE digest = ?"
            base.execute(f"INSERT INTO {table} (digest, {names}) {numbers} {copies}", (digest,))
        base.execute("INSERT INTO term SELECT 'tiny:fc8:' || (rowid % 7), digest, 1 FROM picture WHERE digest != ?", (digest,))
    for address in ("/taps/tiny:fc8", f"/units/{LEMON}", "/"):
        text = page.get(address).text
        images = re.findall(r"<img[^>]*>", text)
        drawn = [image for image in images if "/pictures/" in image]
        assert 0 < len(drawn) <= 60 and all('loading="lazy"' in image for image in drawn)
        assert len(text) < 100_000 and text.count("<") < 2500
    assert "page 1 of" in page.get(f"/units/{LEMON}").text
    assert len(page.get(f"/pictures/{digest}.webp").content) < 10_000
    assets = sum(len(page.get(path).content) for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.get("/").text))
    assert assets < 120_000


def submit(page: TestClient, place: str = "tiny:fc8", **fields: Any) -> str:
    """Submit a job as the form on a tap's page does; returns its id."""
    answer = page.post("/jobs", data={"place": place, "method": "dgn-am", **fields}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"].removeprefix("/jobs/"))


@pytest.fixture
def forgotten(server: Any) -> Iterator[None]:
    """Leaves the server without jobs."""
    yield
    with server.client() as client:
        for state in client.jobs():
            client.job(state.id).delete()


@pytest.mark.usefixtures("forgotten")
def test_a_job_from_a_tap_to_its_pictures(page: TestClient) -> None:
    assert "The server has no jobs" in page.get("/jobs").text
    tap = page.get("/taps/tiny:fc8").text
    assert "Draw them as a job" in tap and "<strong>7 pictures</strong>" in tap
    told = page.get("/jobs/cost", params={"place": "tiny:fc8", "filter": "e", "seeds": "3"}, headers=PART).text
    units = len(re.findall('class="tile"', page.get("/taps/tiny:fc8?filter=e").text))
    assert 1 < units < 7 and f"{units} units × 3 seeds = <strong>{3 * units} pictures" in told
    id = submit(page, method="pyramid", filter="lemon", seeds=2, **{"option.steps": "3", "option.rotation": ""})
    until(lambda: 'data-phase="done"' in page.get(f"/jobs/{id}/progress").text)
    shown = page.get(f"/jobs/{id}").text
    pictures = list(dict.fromkeys(re.findall(r"/job-pictures/([0-9a-f]{64})", shown)))
    assert "<h1>tiny:fc8, labels with “lemon”: pyramid</h1>" in shown
    assert len(pictures) == 2 and "2 of 2 pictures" in shown and "hx-trigger" not in shown.partition('class="parts"')[2]
    unit = page.get(f"/units/{LEMON}").text
    assert re.findall(r"/job-pictures/([0-9a-f]{64})\.png", unit) == pictures and 'name="seed" value="2"' in unit, "seed by seed"
    assert f"/job-pictures/{pictures[0]}.webp" in page.get("/taps/tiny:fc8").text
    file = page.get(f"/job-pictures/{pictures[1]}.png")
    assert file.headers["content-type"] == "image/png" and "immutable" in file.headers["cache-control"]
    recipe = Recipe.from_json(page.get(f"/job-pictures/{pictures[1]}.json").content)
    assert (recipe.seed, recipe.options["steps"]) == (1, 3)
    own = page.get(f"/job-pictures/{pictures[1]}").text
    assert "dgnam synth --replay" in own and f"/job-pictures/{pictures[1]}/projection" in own and "lemon" in own
    assert "data:image/png" in page.post(f"/job-pictures/{pictures[1]}/projection", data={"method": "deconvnet"}, headers=PART).text
    assert page.get("/jobs").text.count(f'href="/jobs/{id}"') == 1


@pytest.mark.usefixtures("forgotten")
def test_a_job_is_paused_resumed_cancelled_and_filtered(page: TestClient, server: Any) -> None:
    with server.client() as client:
        id = client.submit_job(["tiny:fc8", "tiny:conv3"], seeds=40, steps=1000, start_draws=0).id
    shown = page.get(f"/jobs/{id}").text
    assert shown.count('class="tile"') == 60 and "every 2s" in shown and 'hx-trigger="drawn from:body"' in shown
    more = re.findall(r'hx-get="(/jobs/\w+/pictures\?[^"]*after=[^"]+)" hx-trigger="revealed"', shown)[0].replace("&amp;", "&")
    rest = page.get(more, headers=PART).text
    assert rest.count('class="tile"') == 60 and "<h1>" not in rest
    again = re.findall(r'hx-get="(/jobs/\w+/pictures\?[^"]*again=more[^"]*)"', shown)[0].replace("&amp;", "&")
    assert "revealed" not in page.get(again, headers=PART).text, "what leads on is there already"
    chosen = page.get(f"/jobs/{id}?tap=tiny:conv3").text
    assert "/units/tiny:conv3:0" in chosen and "/units/tiny:fc8:0" not in chosen and f"/jobs/{id}?tap=tiny%3Afc8" in chosen
    assert "No picture of it is failed" in page.get(f"/jobs/{id}?phase=failed").text
    paused = page.post(f"/jobs/{id}/pause", headers=PART)
    assert 'data-phase="paused"' in paused.text and "Resume" in paused.text and paused.headers["HX-Trigger"] == "drawn"
    seen = re.findall(r"progress\?seen=(\d+)", paused.text)[0]
    assert "HX-Trigger" not in page.get(f"/jobs/{id}/progress?seen={seen}", headers=PART).headers
    assert page.get(f"/jobs/{id}/progress?seen=99999", headers=PART).headers["HX-Trigger"] == "drawn"
    assert page.post(f"/jobs/{id}/resume", follow_redirects=False).headers["location"] == f"/jobs/{id}", "without a script"
    cancelled = page.post(f"/jobs/{id}/cancel", headers=PART).text
    assert 'data-phase="cancelled"' in cancelled and "every" not in cancelled
    assert page.post(f"/jobs/{id}/delete", headers=PART).status_code == 404
    refused = page.post(f"/jobs/{id}/resume", headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403 and 'data-phase="cancelled"' in page.get(f"/jobs/{id}/progress").text


@pytest.mark.usefixtures("forgotten")
def test_what_is_wrong_with_a_job(page: TestClient) -> None:
    told = page.get("/jobs/cost", params={"place": "tiny:fc8", "seeds": "0"}, headers=PART)
    assert told.status_code == 200 and "0 is not between 1 and 1000" in told.text
    told = page.get("/jobs/cost", params={"place": "tiny:fc8", "option.steps": "0", "option.colour": "1", "prior": "none"}, headers=PART)
    assert all(word in told.text for word in ("0 is not between 1 and", "has no such option", "there is no &#39;none&#39;")), told.text
    answer = page.post("/jobs", data={"place": "nowhere", "method": "magic", "seeds": "x"})
    assert answer.status_code == 422 and all(word in answer.text for word in ("a tap is wanted", "magic", "x is not a number"))
    assert page.post("/jobs", data={"place": "tiny:fc9"}).status_code == 404
    assert page.get("/jobs/0123456789abcdef").status_code == 404 and page.get(f"/job-pictures/{'0' * 64}.png").status_code == 404
    lost = page.get("/jobs/0123456789abcdef/progress", headers=PART)
    assert lost.status_code == 200 and "there is no job" in lost.text and "HX-Retarget" not in lost.headers


def test_a_job_with_photographs_beside_its_pictures(start_server: Callable[..., Any], photographs: Path, tmp_path: Path) -> None:
    served = start_server(indices=photographs)
    with opened(served.address, tmp_path / "shelf") as page:
        tap = page.get("/taps/tiny:fc8").text
        assert "Photographs beside them" in tap and '<option value="">deconvnet</option>' in tap
        assert "Photographs beside them" not in page.get("/taps/tiny-res:fc").text, "of which there is no index"
        fields = {"filter": "lemon", "seeds": "1", "option.steps": "2", "exemplars": "2"}
        told = page.get("/jobs/cost", params={"place": "tiny:fc8", **fields}, headers=PART).text
        assert "1 unit × 1 seed + 4 beside them = <strong>5 pictures" in told
        id = submit(page, method="dgn-am", **fields)
        until(lambda: 'data-phase="done"' in page.get(f"/jobs/{id}/progress").text)
        shown = page.get(f"/jobs/{id}").text
        files = re.findall(r'<img src="(/job-analyses/[0-9a-f]{64}\.png)" alt="(\w+) for lemon', shown)
        assert [kind for _, kind in files] == ["Exemplar", "Exemplar", "Projection", "Projection"] and "5 of 5 pictures" in shown
        assert all(page.get(path).content.startswith(b"\x89PNG") for path, _ in files)
        assert shown.count('href="/job-pictures/') == 1 and "projection 2, deconvnet" in shown
        assert page.get(f"/units/{LEMON}").text.count('"card"') == 1, "where photographs are shown anyway"
        refused = page.post("/jobs", data={"place": "tiny:conv3", "method": "dgn-am", "exemplars": "2"}, headers=PART)
        assert refused.status_code == 409 and "has no units of tiny:conv3" in refused.text


def test_a_server_that_keeps_no_jobs(start_server: Callable[..., Any], tmp_path: Path) -> None:
    served = start_server(jobs="off")
    with opened(served.address, tmp_path / "shelf") as page:
        assert "keeps no jobs" in page.get("/jobs").text and "--jobs off" in page.get("/jobs").text
        tap = page.get("/taps/tiny:fc8")
        assert "keeps no jobs" in tap.text and 'action="/jobs"' not in tap.text
        assert page.get(f"/units/{LEMON}").status_code == 200
        assert page.post("/jobs", data={"place": "tiny:fc8"}).status_code == 409
