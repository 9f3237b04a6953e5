"""The page of an atlas: one HTML file that opens from the disk, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from itertools import groupby
from string import Template
from urllib.parse import quote

from .._job_state import JobPicture, JobState

Drawn = tuple[JobPicture, str]  # a picture, and its path from the page


def page(state: JobState, drawn: Sequence[Drawn], table: str) -> str:
    """The page of these pictures.

    Args:
        table: The name of the table's file beside it.
    """
    template = Template(resources.files(__package__).joinpath("atlas.html").read_text(encoding="utf-8"))
    ordered = sorted(drawn, key=lambda one: (one[0].model, one[0].tap, one[0].unit, one[0].target, one[0].method, one[0].seed))
    taps = [(place, list(group)) for place, group in groupby(ordered, key=lambda one: f"{one[0].model}:{one[0].tap}")]
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


def _tap(place: str, drawn: Sequence[Drawn]) -> str:
    units = groupby(drawn, key=lambda one: one[0].target)
    cells = "\n".join(_unit(target, list(group)) for target, group in units)
    return f'<section id="{escape(place, quote=True)}"><h2>{escape(place)}</h2><div class="units">\n{cells}\n</div></section>'


def _unit(target: str, drawn: Sequence[Drawn]) -> str:
    """All pictures of one target, side by side under its name."""
    first = drawn[0][0]
    name = first.label or target.removeprefix(f"{first.model}:{first.tap}:")
    number = f" <small>{first.unit}</small>" if first.label else ""
    shown = "".join(map(_picture, drawn))
    words = escape(f"{target} {first.label}".lower(), quote=True)
    return f'<article data-words="{words}"><h3>{escape(name)}{number}</h3><div class="pictures">{shown}</div></article>'


def _picture(one: Drawn) -> str:
    picture, path = one
    file, recipe = quote(path), quote(path.removesuffix(".png") + ".json")
    value = "" if picture.activation is None else f"{picture.activation:.3g}"
    percentile = "" if picture.percentile is None else f" · {picture.percentile:.3g} %"
    alt = escape(f"{picture.target} by {picture.method}, seed {picture.seed}", quote=True)
    return (
        f'<figure><a href="{file}"><img src="{file}" alt="{alt}" title="{alt}" width="{picture.width}" height="{picture.height}" '
        f'loading="lazy"></a><figcaption><span>{value}{percentile}</span> '
        f'<a href="{recipe}">{escape(picture.method)} · {picture.seed}</a></figcaption></figure>'
    )
