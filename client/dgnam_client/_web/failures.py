"""What goes wrong, as a page or as a notice on the page that asked; and the entrance, where the token is shown."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .._errors import (
    CallCancelledError,
    DeadlineExceededError,
    DgnamError,
    InvalidRequestError,
    NotFoundError,
    NotReadyError,
    OverloadedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from .drawings import FullError
from .form import Problems
from .guard import ENTRANCE, HEADERS, WRONG_TOKEN_S
from .templates import gallery, is_part, page

# By the kind of error: the HTTP status, and a heading.
_KINDS: list[tuple[type[Exception], int, str]] = [
    (NotFoundError, 404, "There is no such thing"),
    (InvalidRequestError, 400, "That cannot be asked"),
    (NotReadyError, 409, "That cannot be done now"),
    (UnauthenticatedError, 502, "The server wants a token"),
    (PermissionDeniedError, 502, "The server does not allow it"),
    (OverloadedError, 503, "The server is busy"),
    (UnavailableError, 503, "The server does not answer"),
    (DeadlineExceededError, 504, "It took too long"),
    (CallCancelledError, 503, "It was cancelled"),
    (DgnamError, 502, "The server failed"),
    (FullError, 429, "Enough for now"),
]
_HEADINGS = {401: "A token, please", 403: "Not from here", 404: "There is no such page", 413: "That is too large", 421: "Not by this name"}


async def of_server(request: Request, error: Exception) -> Response:
    """A call that failed."""
    status, heading = next((status, heading) for kind, status, heading in _KINDS if isinstance(error, kind))
    return _told(request, status, heading, str(error))


async def of_request(request: Request, error: Exception) -> Response:
    """A request that the pages refuse."""
    assert isinstance(error, HTTPException)
    return refused(request, error)


async def of_form(request: Request, error: Exception) -> Response:
    """A form with something wrong in it."""
    assert isinstance(error, Problems)
    if is_part(request):
        return page(request, "_problems.html", 422, {"HX-Retarget": "#problems", "HX-Reswap": "innerHTML"}, problems=error.found)
    return page(request, "failure.html", 422, heading="That cannot be drawn", message="", problems=error.found, retry=False)


async def of_fault(request: Request, error: Exception) -> Response:
    """A fault of the gallery's own; what it is, is printed."""
    answer = _told(request, 500, "That is a fault", "Something in the gallery itself went wrong. What it prints tells more.")
    answer.headers.update(HEADERS)  # this one is answered outside of the guard
    return answer


def refused(request: Request, error: HTTPException) -> Response:
    """A request that is not answered."""
    if error.status_code == 401 and not is_part(request):
        return page(request, "entrance.html", 401, wrong=False, entrance=ENTRANCE)
    detail = "Nothing is at this address." if error.detail == "Not Found" else error.detail
    return _told(request, error.status_code, _HEADINGS.get(error.status_code, "That cannot be done"), detail)


async def enter(request: Request) -> Response:
    """The entrance: a field for the token."""
    door = gallery(request).door
    if request.method == "GET":
        return page(request, "entrance.html", wrong=False, entrance=ENTRANCE)
    token = str((await request.form(max_files=0, max_fields=4)).get("token", ""))
    if door.fits(token.strip()):
        return door.admit(RedirectResponse("/", 303))
    await asyncio.sleep(WRONG_TOKEN_S)
    return page(request, "entrance.html", 401, wrong=True, entrance=ENTRANCE)


def _told(request: Request, status: int, heading: str, message: str) -> Response:
    facts: dict[str, Any] = {"heading": heading, "message": message}
    if is_part(request):
        return page(request, "_notice.html", status, {"HX-Retarget": "#notices", "HX-Reswap": "beforeend"}, **facts)
    return page(request, "failure.html", status, **facts, problems=[], retry=status in (503, 504))


HANDLERS: dict[Any, Any] = {DgnamError: of_server, FullError: of_server, Problems: of_form, HTTPException: of_request, Exception: of_fault}
