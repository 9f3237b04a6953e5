"""The templates, and what they may use."""

from __future__ import annotations

import hashlib
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from .._duration import duration

if TYPE_CHECKING:
    from .app import Gallery

FOLDER = Path(__file__).with_name("templates")
STATIC = Path(__file__).with_name("static")


def gallery(request: Request) -> Gallery:
    """The gallery that a request came to."""
    return cast("Gallery", request.app.state.gallery)


def page(request: Request, template: str, /, status: int = 200, headers: dict[str, str] | None = None, **facts: Any) -> HTMLResponse:
    """A page, or a part of one, from its template."""
    text = _environment().get_template(template).render(request=request, path=request.url.path, **facts)
    return HTMLResponse(text, status, headers)


def is_part(request: Request) -> bool:
    """Whether a page asks for a part of itself, in place of a browser for a page."""
    return request.headers.get("hx-request") == "true"


def href(kind: str, name: str) -> str:
    """The address of a page: `href("units", "alexnet64:fc8:3")`."""
    return f"/{kind}/{quote(name, safe=':,+@*')}"


@cache
def asset(name: str) -> str:
    """The address of a file, which changes with its content, so that browsers may keep it."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"href": href, "asset": asset}
    environment.filters |= {"number": number, "points": points, "duration": duration, "date": date}
    return environment


def number(value: float) -> str:
    """A number as captions show it."""
    return f"{value:.4g}".replace("-", "−")


def date(seconds: float) -> str:
    """A time since 1970 by the gallery's own clock."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def points(values: tuple[float, ...]) -> str:
    """A curve as the points of an SVG polyline in a box of 100 by 30."""
    least, most = min(values), max(values)
    spread, last = (most - least) or 1.0, max(1, len(values) - 1)
    return " ".join(f"{100 * place / last:.1f},{29 - 28 * (value - least) / spread:.1f}" for place, value in enumerate(values))
