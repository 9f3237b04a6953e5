from __future__ import annotations

from collections.abc import Iterator

import pytest
from dgnam_client._web import failures
from dgnam_client._web.guard import COOKIE, Door, Guard
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

HERE = "http://127.0.0.1:8080"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def guarded(door: Door, address: str = HERE) -> TestClient:
    app = Starlette(
        routes=[Route("/", answer, methods=["GET", "POST"])],
        middleware=[Middleware(Guard, door=door, explain=failures.refused)],
        exception_handlers=failures.HANDLERS,
    )
    return TestClient(app, address, follow_redirects=False)


@pytest.fixture
def page() -> Iterator[TestClient]:
    with guarded(Door(most_bytes=1000)) as client:
        yield client


def test_scripts_and_pictures_come_from_here_alone(page: TestClient) -> None:
    headers = page.get("/").headers
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.9:8080", "", "localhost.evil"])
def test_a_foreign_name_is_not_answered(page: TestClient, host: str) -> None:
    """Or a page of somebody else could have its name lead here, and read."""
    assert page.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
def test_the_names_of_this_machine_are(page: TestClient, host: str) -> None:
    assert page.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": HERE}, 403),
        ({"origin": HERE}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({}, 200),  # no browser
    ],
)
def test_only_own_pages_change_anything(page: TestClient, headers: dict[str, str], status: int) -> None:
    assert page.post("/", headers=headers).status_code == status
    assert page.get("/", headers=headers).status_code == 200


def test_a_body_is_bounded(page: TestClient) -> None:
    assert page.post("/", content=b"x" * 1000).text == "1000"
    assert page.post("/", content=b"x" * 1001).status_code == 413
    assert page.post("/", content=(b"x" * 100 for _ in range(11))).status_code == 413, "also where its length is not told"


def test_a_token_is_shown_once() -> None:
    with guarded(Door("secret"), "http://gallery.example") as page:
        assert page.get("/").status_code == 401 and "That is not" not in page.get("/").text
        assert page.get("/?token=wrong").status_code == 401
        entered = page.get("/?token=secret&page=2")
        assert entered.status_code == 303 and entered.headers["location"] == "/?page=2"
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "secret" not in cookie
        assert page.get("/").status_code == 200
        page.cookies.set(COOKIE, "made-up", domain="gallery.example")
        assert page.get("/").status_code == 401
        page.cookies.clear()
        assert page.get("/", headers={"authorization": "Bearer secret"}).status_code == 200
        assert page.get("/", headers={"authorization": "Bearer secre"}).status_code == 401
        assert page.post("/", headers={"authorization": "Bearer secret", "origin": "https://evil.example"}).status_code == 403


def test_without_a_token_none_is_looked_for(page: TestClient) -> None:
    assert page.get("/?token=anything").status_code == 200
