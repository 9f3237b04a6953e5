"""The page of an atlas: one HTML file that opens from the disk, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from itertools import groupby
from string import Template
from urllib.parse import quote

from .._job_state import JobPicture, JobState

_KINDS = ("synthesis", "exemplar", "projection", "occlusion")  # in this order, side by side


@dataclass(frozen=True)
class Shown:
    """A picture, its path from the page, and of a photograph the folder that it lay in."""

    picture: JobPicture
    path: str
    folder: str = ""

    @property
    def order(self) -> tuple[object, ...]:
        """Where it comes on the page."""
        one = self.picture
        kind = _KINDS.index(one.kind) if one.kind in _KINDS else len(_KINDS)
        return one.model, one.tap, one.unit, one.target, kind, one.method, one.rank, one.seed


def page(state: JobState, drawn: Sequence[Shown], table: str) -> str:
    """The page of these pictures.

    Args:
        table: The name of the table's file beside it.
    """
    template = Template(resources.files(__package__).joinpath("atlas.html").read_text(encoding="utf-8"))
    ordered = sorted(drawn, key=lambda one: one.order)
    taps = [(place, list(group)) for place, group in groupby(ordered, key=lambda one: f"{one.picture.model}:{one.picture.tap}")]
    links = " ".join(f'<a href="#{escape(place, quote=True)}">{escape(place)} <small>{len(group)}</small></a>' for place, group in taps)
    missing = state.pictures - len(drawn)
    return template.substitute(
        title=escape(state.title),
        facts=escape(f"{len(drawn)} pictures" + (f", {missing} of {state.pictures} missing" if missing else "")),
        job=escape(state.id),
        table=escape(table, quote=True),
        links=links,
        taps="\n".join(_tap(place, group) for place, group in taps),
    )


def _tap(place: str, drawn: Sequence[Shown]) -> str:
    units = groupby(drawn, key=lambda one: one.picture.target)
    cells = "\n".join(_unit(target, list(group)) for target, group in units)
    return f'<section id="{escape(place, quote=True)}"><h2>{escape(place)}</h2><div class="units">\n{cells}\n</div></section>'


def _unit(target: str, drawn: Sequence[Shown]) -> str:
    """All pictures of one target, side by side under its name; beside them the photographs that excite it."""
    first = drawn[0].picture
    name = first.label or target.removeprefix(f"{first.model}:{first.tap}:")
    number = f" <small>{first.unit}</small>" if first.label else ""
    shown = "".join(_picture(one) for one in drawn if one.picture.kind == "synthesis")
    beside = [one for one in drawn if one.picture.kind != "synthesis"]
    if beside:
        blocks = groupby(beside, key=lambda one: (one.picture.kind, one.picture.method))
        shown += "".join(_block(kind, method, list(group)) for (kind, method), group in blocks)
    words = escape(f"{target} {first.label}".lower(), quote=True)
    return f'<article data-words="{words}"><h3>{escape(name)}{number}</h3><div class="pictures">{shown}</div></article>'


def _block(kind: str, method: str, shown: Sequence[Shown]) -> str:
    """A unit's photographs, or what it sees in them, in a square (Zeiler & Fergus 2013, fig. 2)."""
    caption = {"exemplar": "strongest photographs", "projection": method}.get(kind, kind)
    columns = next(side for side in range(1, len(shown) + 1) if side * side >= len(shown))
    cells = "".join(map(_cell, shown))
    return f'<figure class="block" style="--columns: {columns}"><div>{cells}</div><figcaption>{escape(caption)}</figcaption></figure>'


def _cell(one: Shown) -> str:
    picture = one.picture
    value = "" if picture.activation is None else f", activation {picture.activation:.3g}"
    about = escape(f"{picture.rank}. {one.folder}".strip() + value, quote=True)
    alt = escape(f"{picture.kind} {picture.rank} of {picture.target}", quote=True)
    return f'<a href="{quote(one.path)}"><img src="{quote(one.path)}" alt="{alt}" title="{about}" loading="lazy"></a>'


def _picture(one: Shown) -> str:
    picture, path = one.picture, one.path
    file, recipe = quote(path), quote(path.removesuffix(".png") + ".json")
    value = "" if picture.activation is None else f"{picture.activation:.3g}"
    percentile = "" if picture.percentile is None else f" · {picture.percentile:.3g} %"
    alt = escape(f"{picture.target} by {picture.method}, seed {picture.seed}", quote=True)
    return (
        f'<figure><a href="{file}"><img src="{file}" alt="{alt}" title="{alt}" width="{picture.width}" height="{picture.height}" '
        f'loading="lazy"></a><figcaption><span>{value}{percentile}</span> '
        f'<a href="{recipe}">{escape(picture.method)} · {picture.seed}</a></figcaption></figure>'
    )
