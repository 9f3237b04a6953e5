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
from .shelf import Content, Kept
from .templates import gallery, page

T = TypeVar("T")
# What an address shows never changes: the address is the digest of all that made it.
FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


async def picture(request: Request) -> Response:
    """The picture's page."""
    here = gallery(request)
    kept, content = await held(request)
    recipe, methods, target, projection = Recipe.from_json(content.recipe), None, None, ""
    try:  # what is on the shelf is shown also where the server does not answer
        methods = await here.catalogue.methods()
        target = await here.catalogue.target(kept.target)
        projection = (await here.catalogue.model(target.terms[0].unit.model)).default_projection
    except DgnamError:
        pass
    stem = _stem(target.name if target else kept.target, kept.seed)
    facts: dict[str, Any] = {
        "kept": kept,
        "base": request.url.path,
        "recipe": recipe,
        "target": target,
        "stem": stem,
        "making": making(recipe, methods, f"{stem}.json"),
    }
    projections = methods.projections if methods else ()
    return page(request, "picture.html", **facts, methods=methods, projections=projections, projection=projection)


async def png(request: Request) -> Response:
    """The picture's file."""
    return Response((await held(request))[1].png, media_type="image/png", headers=FOR_EVER)


async def thumbnail(request: Request) -> Response:
    """The picture, small."""
    if "id" in request.path_params:
        small = (await held(request))[1].thumbnail
    else:
        small = _there(await asyncio.to_thread(gallery(request).shelf.thumbnail, request.path_params["digest"]))
    return Response(small, media_type="image/webp", headers=FOR_EVER)


async def recipe(request: Request) -> Response:
    """The picture's recipe."""
    return Response((await held(request))[1].recipe, media_type="application/json", headers=FOR_EVER)


async def held(request: Request) -> tuple[Kept, Content]:
    """The picture that an address names: one on the shelf by its digest, or one of the server's jobs by its id."""
    here = gallery(request)
    if "id" not in request.path_params:
        digest = request.path_params["digest"]
        kept = _there(await asyncio.to_thread(here.shelf.find, digest))
        return kept, _there(await asyncio.to_thread(here.shelf.content, digest))
    result = await here.client.job_picture(request.path_params["id"])
    return await asyncio.to_thread(lambda: (Kept.of(result, result.recipe.target), Content.of(result)))


def _there(found: T | None) -> T:
    if found is None:
        raise HTTPException(404, "The picture is not here. It was never drawn here, or had to make room for newer ones.")
    return found


def _stem(name: str, seed: int) -> str:
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-').lower()[:60] or 'picture'}-{seed}"
