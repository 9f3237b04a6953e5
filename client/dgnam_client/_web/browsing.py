"""The pages to look around in: networks, taps, units, and the search for a label."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .._catalog import Model, Tap, UnitInfo
from .._errors import DgnamError
from .._job_state import JobPicture
from .catalogue import Target
from .form import BALANCES, MOST_EXEMPLARS, MOST_PICTURES, MOST_SEEDS, READOUTS, Choices
from .shelf import Kept
from .templates import gallery, href, page

UNITS_PER_PAGE = 60
PICTURES_PER_PAGE = 60
NEWEST = 24
_SHARED = 12
_STATUS_S = 5.0


@dataclass(frozen=True)
class Tile:
    """A unit on a page of many.

    Attributes:
        cover: The address of its picture; empty: none has been drawn.
    """

    unit: UnitInfo
    address: str
    cover: str


@dataclass(frozen=True)
class Row:
    """A method's pictures of one target: those on the shelf, and those that the server's jobs have."""

    kept: list[Kept] = field(default_factory=list)
    of_jobs: list[JobPicture] = field(default_factory=list)


@dataclass(frozen=True)
class Pages:
    """Which page of how many."""

    number: int
    count: int

    @classmethod
    def of(cls, request: Request, things: int, each: int) -> Pages:
        """The page that a request names, within those that there are."""
        count = max(1, -(-things // each))
        asked = request.query_params.get("page", "1")
        return cls(min(max(1, int(asked) if asked.isdecimal() and len(asked) < 9 else 1), count), count)


async def home(request: Request) -> Response:
    """The networks, and the pictures drawn last."""
    here = gallery(request)
    newest, networks = await asyncio.gather(asyncio.to_thread(here.shelf.newest, NEWEST), here.catalogue.networks())
    titles = {kept.digest: await _title(request, kept.target) for kept in newest}
    return page(request, "home.html", networks=networks, newest=newest, titles=titles, live=here.drawings.live())


async def network(request: Request) -> Response:
    """One network: what it is, and its taps."""
    return page(request, "network.html", model=await gallery(request).catalogue.model(request.path_params["model"]))


async def tap(request: Request) -> Response:
    """The units of a tap, page by page, each with its picture where one has been drawn."""
    here = gallery(request)
    name, colon, tap_name = request.path_params["place"].partition(":")
    if not colon:
        raise HTTPException(404)
    model, units = await here.catalogue.model(name), await here.catalogue.units(name, tap_name)
    wanted = request.query_params.get("filter", "").strip()
    found = labelled_units(units, wanted)
    pages = Pages.of(request, len(found), UNITS_PER_PAGE)
    tiles = await _tiles(request, name, tap_name, found[(pages.number - 1) * UNITS_PER_PAGE : pages.number * UNITS_PER_PAGE])
    facts: dict[str, Any] = {"model": model, "tap": _tap(model, tap_name), "tiles": tiles, "pages": pages, "filter": wanted}
    methods, models, no_jobs = await asyncio.gather(here.catalogue.methods(), here.catalogue.models(), here.catalogue.no_jobs())
    facts |= {"choices": Choices.of(methods, models, {}, [name]), "no_jobs": no_jobs, "most_seeds": MOST_SEEDS}
    facts["most_exemplars"] = MOST_EXEMPLARS
    return page(request, "tap.html", **facts, found=len(found), labelled=any(unit.label for unit in units))


async def unit(request: Request) -> Response:
    """A unit, or several: their pictures, and the form that asks for more."""
    here = gallery(request)
    target = await here.catalogue.target(request.path_params["target"])
    if target.text != request.path_params["target"]:
        return RedirectResponse(href("units", target.text), 307)
    methods, models = await asyncio.gather(here.catalogue.methods(), here.catalogue.models())
    of_jobs = await here.catalogue.of_jobs(target)
    pages = Pages.of(request, await asyncio.to_thread(here.shelf.count_of_target, target.text), PICTURES_PER_PAGE)
    pictures = await asyncio.to_thread(here.shelf.of_target, target.text, PICTURES_PER_PAGE, (pages.number - 1) * PICTURES_PER_PAGE)
    networks = {model.name: model for model in models}
    shared = await asyncio.to_thread(here.shelf.shared, target.units[0], _SHARED) if len(target.terms) == 1 else []
    facts: dict[str, Any] = {
        "target": target,
        "choices": Choices.of(methods, models, {}, target.networks),
        "rows": _by_method(pictures, of_jobs if pages.number == pages.count else []),
        "drawings": here.drawings.of_target(target),
        "next_seed": max([*(one.seed for one in pictures), *(one.seed for one in of_jobs)], default=-1) + 1,
        "pages": pages,
        "shared": shared,
        "titles": {kept.digest: await _title(request, kept.target) for kept in shared},
        "hindrance": next((text for name in target.terms if (text := networks[name.unit.model].forward_only)), ""),
        "indexed": [name for name in target.terms if networks[name.unit.model].indices],
        "beside": await _beside(request, target),
    }
    return page(request, "unit.html", **facts, balances=BALANCES, readouts=READOUTS, most=MOST_PICTURES)


async def search(request: Request) -> Response:
    """The units of all networks whose label contains a text; of an address its own page."""
    text = request.query_params.get("q", "").strip()
    if target := await gallery(request).catalogue.addressed(text):
        return RedirectResponse(href("units", target.text), 303)
    found = await gallery(request).catalogue.search(text) if text else {}
    outputs = {model.name: model.output_tap for model in await gallery(request).catalogue.networks()}
    tiles = {name: await _tiles(request, name, outputs[name], units) for name, units in found.items()}
    return page(request, "search.html", text=text, tiles=tiles)


async def pair(request: Request) -> Response:
    """Units to draw together with a unit, by their label, their address or their number in its tap: links to their page together."""
    here = gallery(request)
    target = await here.catalogue.target(request.query_params.get("with", ""))
    text = request.query_params.get("q", "").strip()
    found = await here.catalogue.search(text) if text else {}
    outputs = {model.name: model.output_tap for model in await here.catalogue.networks()}
    first = target.terms[0].unit
    named = await here.catalogue.addressed(f"{first.model}:{first.tap}:{text}" if text.partition("@")[0].isdecimal() else text)
    others = [(f"{one.unit.model}:{one.unit.tap}", one.name, one.address) for one in named.terms] if named else []
    others += [(name, one.label, f"{name}:{outputs[name]}:{one.index}") for name, units in found.items() for one in units]
    pairs = [(name, label, f"{target.text}+{address}") for name, label, address in others if address not in target.units]
    return page(request, "_pairs.html", text=text, pairs=pairs)


async def status(request: Request) -> Response:
    """Whether the server answers, and how busy it is."""
    client = gallery(request).client
    try:
        load, health = await asyncio.gather(client.load(timeout=_STATUS_S), client.health(timeout=_STATUS_S))
    except DgnamError as error:
        return page(request, "_status.html", load=None, serving=False, problem=error.message, server=client.server)
    return page(request, "_status.html", load=load, serving=health == "SERVING", problem="", server=client.server)


def labelled_units(units: list[UnitInfo], text: str) -> list[UnitInfo]:
    """Those whose label contains a text; all where it is empty."""
    wanted = text.strip().casefold()
    return [unit for unit in units if wanted in unit.label.casefold()] if wanted else units


async def _title(request: Request, target: str) -> str:
    """What to call a target in a line; its address, where the server does not know it any more."""
    try:
        return (await gallery(request).catalogue.target(target)).name
    except DgnamError:
        return target


async def _tiles(request: Request, model: str, tap: str, units: list[UnitInfo]) -> list[Tile]:
    addresses = [f"{model}:{tap}:{one.index}" for one in units]
    of_jobs, kept = await asyncio.gather(
        gallery(request).catalogue.covers(model, tap), asyncio.to_thread(gallery(request).shelf.covers, addresses)
    )
    covers = {address: f"/job-pictures/{id}.webp" for address, id in of_jobs.items()}
    covers |= {address: f"/pictures/{digest}.webp" for address, digest in kept.items()}
    return [Tile(one, address, covers.get(address, "")) for one, address in zip(units, addresses, strict=True)]


async def _beside(request: Request, target: Target) -> tuple[str, str]:
    """The addresses of the units before and after; empty where there is none."""
    if len(target.terms) != 1:
        return "", ""
    where = target.terms[0].unit
    index, count = int(str(where.unit)), len(await gallery(request).catalogue.units(where.model, where.tap))
    near = [f"{where.model}:{where.tap}:{other}" if 0 <= other < count else "" for other in (index - 1, index + 1)]
    return near[0], near[1]


def _tap(model: Model, name: str) -> Tap:
    found = next((one for one in model.taps if one.name == name), None)
    if found is None:
        raise HTTPException(404, f"{model.name} has no tap {name!r}.")
    return found


def _by_method(pictures: list[Kept], of_jobs: list[JobPicture]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for kept in pictures:
        rows.setdefault(kept.method, Row()).kept.append(kept)
    for one in of_jobs:
        rows.setdefault(one.method, Row()).of_jobs.append(one)
    return rows
