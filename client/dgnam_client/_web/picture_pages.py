"""A picture at its stable address: its page, its files, and how to make it again."""

from __future__ import annotations

import asyncio
import re
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .._errors import DgnamError
from .._recipe import Recipe
from .making import making
from .shelf import Content
from .templates import gallery, page

T = TypeVar("T")
# What an address shows never changes: the address is the digest of all that made it.
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


async def picture(request: Request) -> Response:
    """The picture's page."""
    here, digest = gallery(request), request.path_params["digest"]
    kept = _there(await asyncio.to_thread(here.shelf.find, digest))
    content = _there(await asyncio.to_thread(here.shelf.content, digest))
    recipe, methods, target = Recipe.from_json(content.recipe), None, None
    try:  # what is on the shelf is shown also where the server does not answer
        methods = await here.catalogue.methods()
        target = await here.catalogue.target(kept.target)
    except DgnamError:
        pass
    stem = _stem(target.name if target else kept.target, kept.seed)
    facts: dict[str, Any] = {
        "kept": kept,
        "recipe": recipe,
        "target": target,
        "stem": stem,
        "making": making(recipe, methods, f"{stem}.json"),
    }
    projections = methods.projections if methods else ()
    return page(request, "picture.html", **facts, methods=methods, projections=projections)


async def png(request: Request) -> Response:
    """The picture's file."""
    return Response((await content_of(request)).png, media_type="image/png", headers=_FOR_EVER)


async def thumbnail(request: Request) -> Response:
    """The picture, small."""
    found = _there(await asyncio.to_thread(gallery(request).shelf.thumbnail, request.path_params["digest"]))
    return Response(found, media_type="image/webp", headers=_FOR_EVER)


async def recipe(request: Request) -> Response:
    """The picture's recipe."""
    return Response((await content_of(request)).recipe, media_type="application/json", headers=_FOR_EVER)


async def content_of(request: Request) -> Content:
    return _there(await asyncio.to_thread(gallery(request).shelf.content, request.path_params["digest"]))


def _there(found: T | None) -> T:
    if found is None:
        raise HTTPException(404, "The picture is not here. It was never drawn here, or had to make room for newer ones.")
    return found


def _stem(name: str, seed: int) -> str:
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-').lower()[:60] or 'picture'}-{seed}"
