"""The server's jobs: the list of them, a page for each with its pictures as they come, and the form that begins one.

Rules: the job is the server's, and so is all that is shown of it: the gallery keeps nothing. A page asks how far a job is while it runs,
and has those of its pictures anew that were not all there when it has come on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .._catalog import UnitInfo
from .._errors import DgnamError
from .._job_state import JobState, PicturePhase
from .browsing import Pages, labelled_units
from .form import MOST_FIELDS, Choices, JobWish, Problems, job_wish
from .picture_pages import FOR_EVER
from .templates import gallery, is_part, page

JOBS_PER_PAGE = 20
PICTURES_PER_PART = 60
_ANSWER_S = 10.0  # how long a part of a page waits for the server
_MOVES = ("pause", "resume", "cancel")
_COME = {"HX-Trigger": "drawn"}  # there is more to see


@dataclass(frozen=True)
class Filter:
    """Which of a job's pictures are shown.

    Attributes:
        place: A network, or `model:tap`; empty: of all.
        phase: Those that are so far; empty: all.
    """

    place: str = ""
    phase: str = ""

    @classmethod
    def of(cls, request: Request) -> Filter:
        """The one that a request names."""
        phase = request.query_params.get("phase", "")
        return cls(request.query_params.get("tap", ""), phase if phase in get_args(PicturePhase)[:-1] else "")

    @property
    def fields(self) -> dict[str, Any]:
        """As the client's call takes it."""
        model, _, tap = self.place.partition(":")
        return {name: value for name, value in (("model", model), ("tap", tap), ("phase", self.phase)) if value}

    def query(self, **more: str) -> str:
        """As the address has it."""
        words = {"tap": self.place, "phase": self.phase, **more}
        return urlencode({name: value for name, value in words.items() if value}, safe=":")


async def jobs(request: Request) -> Response:
    """The jobs, the newest first."""
    here = gallery(request)
    if off := await here.catalogue.no_jobs():
        return page(request, "jobs.html", off=off, jobs=[], pages=Pages(1, 1))
    found = await here.client.jobs(timeout=_ANSWER_S)
    pages = Pages.of(request, len(found), JOBS_PER_PAGE)
    shown = found[(pages.number - 1) * JOBS_PER_PAGE : pages.number * JOBS_PER_PAGE]
    return page(request, "jobs.html", off="", jobs=shown, pages=pages, problem="")


async def job(request: Request) -> Response:
    """One job: how far it is, and its pictures."""
    id, chosen = request.path_params["id"], Filter.of(request)
    found = await gallery(request).client.job(id, timeout=_ANSWER_S)  # before its pictures: they are at least as far
    facts = await _part(request, id, chosen)
    places = await _places(request, found.places)
    return page(request, "job.html", job=found.state, places=places, problem="", first=not request.query_params.get("after"), **facts)


async def pictures(request: Request) -> Response:
    """Some of a job's pictures, and where the next begin."""
    return page(request, "_job_pictures.html", **await _part(request, request.path_params["id"], Filter.of(request)))


async def analysis_png(request: Request) -> Response:
    """The file of a picture that was not drawn: a photograph, or what a unit sees in it."""
    found = await gallery(request).client.job_analysis(request.path_params["id"], timeout=_ANSWER_S)
    return Response(found.png, media_type="image/png", headers=FOR_EVER)


async def progress(request: Request) -> Response:
    """How far a job is; where it has come on since a page looked, its pictures are told to look again."""
    id, problem = request.path_params["id"], ""
    try:
        state: JobState | None = (await gallery(request).client.job(id, timeout=_ANSWER_S)).state
    except DgnamError as error:  # not a notice every few seconds
        state, problem = None, error.message
    if state is None:
        return page(request, "_job_lost.html", id=id, problem=problem, query=str(request.query_params))
    come = request.query_params.get("seen") != str(state.done + state.failed)
    return page(request, "_job.html", headers=_COME if come else None, job=state)


async def move(request: Request) -> Response:
    """Pause, resume or cancel a job."""
    id, name = request.path_params["id"], request.path_params["move"]
    if name not in _MOVES:
        raise HTTPException(404)
    found = await gallery(request).client.job(id, timeout=_ANSWER_S)
    state = await getattr(found, name)()
    return page(request, "_job.html", headers=_COME, job=state) if is_part(request) else RedirectResponse(f"/jobs/{id}", 303)


async def cost(request: Request) -> Response:
    """How many pictures the form asks for, before it is sent."""
    try:
        wish, found, _ = await _wished(request, dict(request.query_params))
    except Problems as error:
        return page(request, "_problems.html", problems=error.found)
    return page(request, "_job_cost.html", units=len(found), seeds=wish.seeds, beside=wish.beside)


async def submit(request: Request) -> Response:
    """Begin a job, or go on with it."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    wish, found, whole = await _wished(request, fields)
    place = f"{wish.model}:{wish.tap}"
    targets = [place] if whole else [f"{place}:{unit.index}" for unit in found]
    title = None if whole else f"{place}, labels with “{fields['filter'].strip()[:40]}”: {wish.template['method']}"
    begun = await gallery(request).client.submit_job(
        targets, seeds=wish.seeds, templates=[wish.template], title=title, exemplars=wish.exemplars
    )
    return RedirectResponse(f"/jobs/{begun.id}", 303)


async def _part(request: Request, id: str, chosen: Filter) -> dict[str, Any]:
    after = request.query_params.get("after", "")
    client = gallery(request).client
    found = await client.job_pictures(id, **chosen.fields, page_size=PICTURES_PER_PART, page_token=after, timeout=_ANSWER_S)
    growing = any(one.phase in ("waiting", "running") for one in found.pictures) or (chosen.phase != "" and not found.next_token)
    # Where a part comes anew, what leads to the next is on the page, unless there was no next.
    again = request.query_params.get("again", "")
    return {"id": id, "chosen": chosen, "after": after, "found": found, "growing": growing, "leads": found.next_token and again != "more"}


async def _places(request: Request, places: tuple[str, ...]) -> list[str]:
    """The taps that a job's pictures can be told apart by; those of a whole network one by one."""
    found: dict[str, None] = {}
    for place in places:
        if ":" in place:
            found[place] = None
            continue
        try:
            found |= {f"{place}:{tap.name}": None for tap in (await gallery(request).catalogue.model(place)).taps}
        except DgnamError:
            found[place] = None
    return list(found) if len(found) > 1 else []


async def _wished(request: Request, fields: dict[str, str]) -> tuple[JobWish, list[UnitInfo], bool]:
    """What a form asks for, its units, and whether those are all of the tap.

    Raises:
        Problems: Something is wrong with it.
    """
    catalogue = gallery(request).catalogue
    methods, models = await asyncio.gather(catalogue.methods(), catalogue.models())
    network = fields.get("place", "").partition(":")[0]
    wish = job_wish(Choices.of(methods, models, fields, [network]), fields)
    units = await catalogue.units(wish.model, wish.tap)
    found = labelled_units(units, fields.get("filter", ""))
    return wish, found, len(found) == len(units)
