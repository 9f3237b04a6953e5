"""The composition of the gallery: its parts, its addresses, and how it is served."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from .._aio import AsyncClient
from . import browsing, drawing_pages, failures, jobs, looking, picture_pages
from .catalogue import Catalogue
from .drawings import Drawings
from .guard import ENTRANCE, Door, Guard
from .shelf import Shelf
from .templates import STATIC

_GRACE_S = 2  # for answers under way when it is stopped; pages that watch would hold it for ever


@dataclass(frozen=True, eq=False)
class Gallery:
    """The parts of a gallery; `request.app.state.gallery` in its pages."""

    client: AsyncClient
    door: Door
    shelf: Shelf
    catalogue: Catalogue
    drawings: Drawings


def build(client: AsyncClient, shelf: Shelf, door: Door | None = None) -> Starlette:
    """The pages over a client's server.

    Args:
        client: Closed with the application.
        shelf: Where pictures are kept; closed with the application.
        door: Who may come in; default: this machine.
    """
    gallery = Gallery(client, door or Door(), shelf, Catalogue(client), Drawings(client, shelf))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        yield
        await gallery.drawings.close()
        await client.close()
        shelf.close()

    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(Guard, door=gallery.door, explain=failures.refused)],
        exception_handlers=failures.HANDLERS,
        lifespan=lifespan,
    )
    app.state.gallery = gallery
    return app


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on.

    Raises:
        OSError: The address cannot be listened on.
    """
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=kind, backlog=128)
    except OSError as error:
        # The number of a name that is not known is negative, and none of the system's.
        why = error.strerror if error.errno is None or error.errno < 0 else os.strerror(error.errno)
        raise OSError(f"cannot listen on {host}:{port}: {why}; choose another --port or --host") from error


def serve(app: Starlette, listening: socket.socket, until: Callable[[], None] | None = None) -> None:
    """Serve until a signal comes, or until a function returns that is called in a thread of its own."""
    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=256,
    )
    server = uvicorn.Server(settings)

    async def run() -> None:
        if until is not None:
            asyncio.get_running_loop().create_task(_stop(server, until))
        await server.serve(sockets=[listening])

    asyncio.run(run())


async def _stop(server: uvicorn.Server, until: Callable[[], None]) -> None:
    await asyncio.to_thread(until)
    server.should_exit = True


def _routes() -> list[Route | Mount]:
    return [
        Route("/", browsing.home),
        Route("/search", browsing.search),
        Route("/networks/{model:path}", browsing.network),
        Route("/taps/{place:path}", browsing.tap),
        Route("/units/{target:path}", browsing.unit),
        Route("/pair", browsing.pair),
        Route("/options", drawing_pages.options),
        Route("/status", browsing.status),
        Route("/drawings", drawing_pages.begin, methods=["POST"]),
        Route("/drawings/{id}", drawing_pages.drawing),
        Route("/drawings/{id}/preview", drawing_pages.preview),
        Route("/drawings/{id}/cancel", drawing_pages.cancel, methods=["POST"]),
        Route("/drawings/{id}/again", drawing_pages.again, methods=["POST"]),
        Route("/drawings/{id}/dismiss", drawing_pages.dismiss, methods=["POST"]),
        Route("/events", drawing_pages.events),
        Route("/pictures/{digest:str}.png", picture_pages.png),
        Route("/pictures/{digest:str}.webp", picture_pages.thumbnail),
        Route("/pictures/{digest:str}.json", picture_pages.recipe),
        Route("/pictures/{digest:str}", picture_pages.picture),
        Route("/pictures/{digest:str}/projection", looking.projection, methods=["POST"]),
        Route("/jobs", jobs.jobs),
        Route("/jobs", jobs.submit, methods=["POST"]),
        Route("/jobs/cost", jobs.cost),
        Route("/jobs/{id}", jobs.job),
        Route("/jobs/{id}/progress", jobs.progress),
        Route("/jobs/{id}/pictures", jobs.pictures),
        Route("/jobs/{id}/{move}", jobs.move, methods=["POST"]),
        Route("/job-analyses/{id:str}.png", jobs.analysis_png),
        Route("/job-pictures/{id:str}.png", picture_pages.png),
        Route("/job-pictures/{id:str}.webp", picture_pages.thumbnail),
        Route("/job-pictures/{id:str}.json", picture_pages.recipe),
        Route("/job-pictures/{id:str}", picture_pages.picture),
        Route("/job-pictures/{id:str}/projection", looking.projection, methods=["POST"]),
        Route("/exemplars/{unit:path}", looking.exemplars),
        Route(ENTRANCE, failures.enter, methods=["GET", "POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
