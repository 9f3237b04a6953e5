"""Who may have a page, and what a page may do: what is checked of every request before anything of it is read.

Rules: on this machine alone, the page answers to this machine's names, so that no foreign name can be made to lead to it; elsewhere it
wants its token. What changes anything must come from a page of its own. No script runs that is not a file of this package.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "dgnam_gallery"
SAFE = ("GET", "HEAD")
ENTRANCE = "/enter"  # where the token can be typed
WRONG_TOKEN_S = 0.5  # so that nobody tries many
_COOKIE_S = 30 * 24 * 3600
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Door:
    """Who may come in.

    Attributes:
        token: What browsers must show once; None: nothing, and only requests to this machine's own names are answered.
        most_bytes: Of a request's body.
    """

    token: str | None = field(default=None, repr=False)
    most_bytes: int = 9 * 2**20

    @property
    def cookie(self) -> str:
        """What a browser that has shown the token keeps in its place."""
        return hashlib.sha256(f"dgnam gallery {self.token}".encode()).hexdigest()

    def fits(self, token: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def knows(self, request: Request) -> bool:
        """Whether a request has shown the token, now or before."""
        if self.token is None:
            return True
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.fits(token.strip()):
            return True
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self.cookie.encode())

    def admit(self, response: Response) -> Response:
        """Have the browser keep that it has shown the token."""
        response.set_cookie(COOKIE, self.cookie, max_age=_COOKIE_S, httponly=True, samesite="lax")
        return response


class Guard:
    """Checks every request, bounds its body, and puts the rules for pages on every answer.

    Args:
        app: The pages.
        door: Who may come in.
        explain: The page that tells why a request is not answered.
    """

    def __init__(self, app: ASGIApp, door: Door, explain: Callable[[Request, HTTPException], Response]) -> None:
        self._app, self._door, self._explain = app, door, explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the pages answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_ruled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        answer = await self._entering(request)
        if answer is None and (refusal := self._refusal(request)) is not None:
            answer = self._explain(request, refusal)
        await (answer or self._app)(scope, receive if answer else _bounded(request, receive, self._door.most_bytes), send_ruled)

    async def _entering(self, request: Request) -> Response | None:
        """Of a request that shows the token in its address: the same address without it."""
        token = request.query_params.get("token")
        if self._door.token is None or token is None or request.method not in SAFE:
            return None
        if not self._door.fits(token):
            await asyncio.sleep(WRONG_TOKEN_S)
            return None
        left = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "token"])
        return self._door.admit(RedirectResponse(request.url.path + (f"?{left}" if left else ""), 303))

    def _refusal(self, request: Request) -> HTTPException | None:
        """Why a request is not answered; None: it is."""
        if self._door.token is None and not _of_this_machine(request.headers.get("host", "")):
            return HTTPException(421, "This gallery answers to localhost alone. For other names, start it with --web-token-file.")
        if request.method not in SAFE and not _from_own_page(request):
            return HTTPException(403, "The request came from a page of somebody else, so nothing was done.")
        if not self._door.knows(request) and not request.url.path.startswith(("/static/", ENTRANCE)):
            return HTTPException(401, "This gallery wants its token.")
        return None


def _bounded(request: Request, receive: Receive, most: int) -> Receive:
    too_large = HTTPException(413, f"The request is larger than the {most / 2**20:.3g} MiB that are taken: choose a smaller photograph.")
    told = request.headers.get("content-length", "0")
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        if told.isdecimal() and int(told) > most:
            raise too_large
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large
        return message

    return receive_bounded


def _of_this_machine(host: str) -> bool:
    """Whether a Host header names this machine from within."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _from_own_page(request: Request) -> bool:
    """Whether a browser says that a request comes from a page of this very origin. What sends neither header is no browser's."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
