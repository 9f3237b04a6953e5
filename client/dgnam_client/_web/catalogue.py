"""What the server tells about its networks, units and methods, remembered for a moment.

Rules: where the server does not answer, what it told before is shown, however old: pictures can be looked at meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .._aio import AsyncClient
from .._catalog import Methods, Model, UnitInfo
from .._errors import DgnamError, InvalidRequestError, NotFoundError, NotReadyError, ProtocolError, UnavailableError
from .._job_state import JobPicture
from .._server import Limits
from .._target import Term, parse_target
from .._unit import Unit, position_text

FRESH_S = 30.0
MOST_REMEMBERED = 200
MOST_FOUND = 60
MOST_OF_JOBS = 200  # pictures of one unit
MOST_COVERS = 1000
_ANSWER_S = 10.0
_OFF = "This server keeps no jobs. Whoever runs it turns them on: started without “--jobs off”, or with “--jobs FOLDER”, it keeps them."


@dataclass(frozen=True)
class NamedTerm:
    """A unit of a target, with what people call it.

    Attributes:
        term: The unit by its index, and its weight.
        label: Its label; empty where it has none.
    """

    term: Term
    label: str

    @property
    def unit(self) -> Unit:
        """The unit, by its index."""
        return self.term.unit

    @property
    def address(self) -> str:
        """The unit's address, by its index."""
        return str(self.unit)

    @property
    def name(self) -> str:
        """What to call it in a line."""
        return (self.label or f"unit {self.unit.unit}") + position_text(self.unit.position)


@dataclass(frozen=True)
class Target:
    """Units to draw for. Equal targets have equal texts: the terms are sorted."""

    terms: tuple[NamedTerm, ...]

    @property
    def text(self) -> str:
        """Its address."""
        return "+".join(str(named.term) for named in self.terms)

    @property
    def name(self) -> str:
        """What to call it in a line."""
        return " + ".join(named.name for named in self.terms)

    @property
    def units(self) -> tuple[str, ...]:
        """The addresses of its units, without weights."""
        return tuple(named.address for named in self.terms)

    @property
    def networks(self) -> set[str]:
        """The names of its networks."""
        return {named.unit.model for named in self.terms}


class Catalogue:
    """The server's networks, units and methods."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._remembered: dict[object, tuple[float, Any]] = {}

    async def models(self) -> list[Model]:
        """Every network and prior."""
        found: list[Model] = await self._ask("models", self._client.models)
        return found

    async def networks(self) -> list[Model]:
        """Every network that has units."""
        return [model for model in await self.models() if model.role == "classifier"]

    async def model(self, name: str) -> Model:
        """One network, with its taps."""
        found: Model = await self._ask(("model", name), lambda: self._client.model(name))
        return found

    async def methods(self) -> Methods:
        """The methods that draw."""
        found: Methods = await self._ask("methods", self._client.methods)
        return found

    async def limits(self) -> Limits:
        """What a request may ask for."""
        info = await self._ask("info", self._client.server_info)
        limits: Limits = info.limits
        return limits

    async def no_jobs(self) -> str:
        """Why the server keeps no jobs; empty: it keeps them."""
        found: str = await self._ask("jobs", self._no_jobs)
        return found

    async def of_jobs(self, target: Target) -> list[JobPicture]:
        """The pictures that jobs have drawn of exactly this target, by method and seed; none where the server does not tell."""
        unit = target.terms[0].unit
        place: dict[str, Any] = {"model": unit.model, "tap": unit.tap, "unit": int(str(unit.unit))}
        try:
            if await self.no_jobs():
                return []
            found = await self._client.job_pictures(**place, kind="synthesis", phase="done", page_size=MOST_OF_JOBS, timeout=_ANSWER_S)
        except DgnamError:
            return []
        return sorted((one for one in found.pictures if one.target == target.text), key=lambda one: (one.method, one.seed))

    async def covers(self, model: str, tap: str) -> dict[str, str]:
        """For units of a tap that jobs have drawn, by their addresses, the id of a picture; none where the server does not tell."""
        try:
            if await self.no_jobs():
                return {}
            found = await self._client.job_pictures(
                model=model, tap=tap, kind="synthesis", phase="done", page_size=MOST_COVERS, timeout=_ANSWER_S
            )
        except DgnamError:
            return {}
        return {one.target: one.id for one in reversed(found.pictures)}

    async def units(self, model: str, tap: str) -> list[UnitInfo]:
        """All units of a tap."""
        found: list[UnitInfo] = await self._ask(("units", model, tap), lambda: self._client.units(model, tap))
        return found

    async def search(self, text: str) -> dict[str, list[UnitInfo]]:
        """By network, the units of its output tap whose label contains a text; at most MOST_FOUND of each."""
        models = [model for model in await self.networks() if model.output_tap]
        lists = await asyncio.gather(*(self._labelled(model, text) for model in models))
        return {model.name: found[:MOST_FOUND] for model, found in zip(models, lists, strict=True) if found}

    async def target(self, text: str) -> Target:
        """The target of an address, its units by index.

        Raises:
            InvalidAddressError: It is none.
            NotFoundError: No such network, tap or unit.
        """
        named = [await self._named(term) for term in parse_target(text)]
        return Target(tuple(sorted(named, key=lambda one: (one.unit.model, one.unit.tap, int(str(one.unit.unit)), str(one.term)))))

    async def addressed(self, text: str) -> Target | None:
        """The target of what somebody has typed; None: it is no address, or of nothing that the server has."""
        try:
            return await self.target(text) if ":" in text else None
        except (InvalidRequestError, NotFoundError):
            return None

    async def _no_jobs(self) -> str:
        try:
            await self._client.job_pictures(page_size=1, timeout=_ANSWER_S)
        except NotReadyError:
            return _OFF
        except ProtocolError:
            return "This server is older than jobs: update it."
        return ""

    async def _labelled(self, model: Model, text: str) -> list[UnitInfo]:
        wanted = text.casefold()
        return [unit for unit in await self.units(model.name, model.output_tap) if unit.label and wanted in unit.label.casefold()]

    async def _named(self, term: Term) -> NamedTerm:
        unit = term.unit
        units = await self.units(unit.model, unit.tap)
        found = _find(units, unit.unit)
        if found is None:
            raise NotFoundError(f"{unit.model}:{unit.tap} has no unit {unit.unit}")
        return NamedTerm(Term(Unit(unit.model, unit.tap, found.index, unit.position), term.weight), found.label)

    async def _ask(self, key: object, ask: Callable[[], Awaitable[Any]]) -> Any:
        told, value = self._remembered.get(key, (0.0, None))
        if told and time.monotonic() - told < FRESH_S:
            return value
        try:
            value = await ask()
        except UnavailableError:
            if not told:
                raise
            return value
        if len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered.pop(key, None)
        self._remembered[key] = (time.monotonic(), value)
        return value


def _find(units: Sequence[UnitInfo], wanted: object) -> UnitInfo | None:
    if isinstance(wanted, int):
        return units[wanted] if wanted < len(units) else None
    return next((unit for unit in units if unit.label and _plain(unit.label) == _plain(str(wanted))), None)


def _plain(label: str) -> str:
    return re.sub(r"[\s_-]+", " ", label).strip().casefold()
