"""Asking for pictures, and watching them grow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Collection

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from .drawings import Drawing
from .form import MOST_FIELDS, Choices, wishes
from .templates import gallery, href, is_part, page

MOST_WATCHED = 200
_SILENCE_S = 15.0  # after which a line says that the page is still heard
_FORM = {"max_files": 1, "max_fields": MOST_FIELDS, "max_part_size": 64 * 1024}


async def options(request: Request) -> Response:
    """The part of a form that depends on the method and the prior: of a target's form, or of the one for a tap's job."""
    fields = dict(request.query_params)
    target = await gallery(request).catalogue.target(fields["target"]) if fields.get("target") else None
    networks = target.networks if target else [fields.get("place", "").partition(":")[0]]
    return page(request, "_options.html", choices=await _choices(request, fields, networks))


async def begin(request: Request) -> Response:
    """Begin to draw what a form asks for."""
    here = gallery(request)
    async with request.form(**_FORM) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        file = form.get("start")
        start = await file.read() if isinstance(file, UploadFile) else None
    target = await here.catalogue.target(fields.get("target", ""))
    begun = here.drawings.start(wishes(await _choices(request, fields, target.networks), target, fields, start or None))
    if not is_part(request):
        return RedirectResponse(href("units", target.text), 303)
    return page(request, "_begun.html", drawings=begun[::-1])


async def drawing(request: Request) -> Response:
    """A drawing as it is now: on its way, ended, or the finished picture."""
    return _shown(request, _found(request))


async def preview(request: Request) -> Response:
    """The picture so far."""
    found = _found(request)
    if found.preview is None:
        raise HTTPException(404, "There is no picture yet.")
    return Response(found.preview, media_type="image/png")


async def cancel(request: Request) -> Response:
    """Stop a drawing."""
    found = _found(request)
    await gallery(request).drawings.cancel(found)
    return _answer(request, found)


async def again(request: Request) -> Response:
    """Begin anew what failed or was cancelled."""
    here, found = gallery(request), _found(request)
    (begun,) = here.drawings.start([found.wish])
    here.drawings.dismiss(found)
    return _answer(request, begun)


async def dismiss(request: Request) -> Response:
    """Put away a drawing that has ended without a picture."""
    found = _found(request)
    gallery(request).drawings.dismiss(found)
    return Response() if is_part(request) else RedirectResponse(href("units", found.wish.target.text), 303)


async def events(request: Request) -> Response:
    """What drawings tell, as server-sent events."""
    ids = request.query_params.getlist("drawing")[:MOST_WATCHED]
    told = gallery(request).drawings.watch(ids)

    async def lines() -> AsyncGenerator[str]:
        waiting: asyncio.Task[dict[str, object]] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(told))
                done, _ = await asyncio.wait([waiting], timeout=_SILENCE_S)
                if not done:
                    yield ": still here\n\n"
                    continue
                try:
                    fact, waiting = waiting.result(), None
                except StopAsyncIteration:
                    break
                yield f"data: {json.dumps(fact)}\n\n"
            yield "event: over\ndata: {}\n\n"
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            await told.aclose()

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _found(request: Request) -> Drawing:
    found = gallery(request).drawings.find(request.path_params["id"])
    if found is None:
        raise HTTPException(404, "The gallery does not know this drawing: it was started anew, or this was long ago. Draw it again.")
    return found


def _answer(request: Request, found: Drawing) -> Response:
    return _shown(request, found) if is_part(request) else RedirectResponse(href("units", found.wish.target.text), 303)


def _shown(request: Request, found: Drawing) -> Response:
    kept = gallery(request).shelf.find(found.picture) if found.picture else None
    return page(request, "_drawing.html", drawing=found, kept=kept)


async def _choices(request: Request, fields: dict[str, str], networks: Collection[str]) -> Choices:
    methods, models = await asyncio.gather(gallery(request).catalogue.methods(), gallery(request).catalogue.models())
    return Choices.of(methods, models, fields, networks)
