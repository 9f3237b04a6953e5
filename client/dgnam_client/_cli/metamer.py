"""`dgnam metamer`."""

from __future__ import annotations

from .._accentuation import metamer
from .._client import Client
from .._picture_file import picture_file
from . import synth
from .parser import Arguments
from .plan import Aim


def run(client: Client, arguments: Arguments) -> int:
    """Draw what a tap cannot tell from a photograph, and another tap can; and the other way round."""
    photo = picture_file(arguments.photo, field="photo")
    one, other = arguments.place, arguments.unlike
    aims = [Aim(metamer(one, photo, unlike=other, unlikeness=arguments.unlikeness), _named(one, other))]
    if other is not None and not arguments.one_way:
        aims.append(Aim(metamer(other, photo, unlike=one, unlikeness=arguments.unlikeness), _named(other, one)))
    arguments.method = arguments.method or (None if arguments.prior else "inversion")
    arguments.balance = "none" if other is None else "gradient-norm"
    return synth.draw(client, arguments, aims)


def _named(same: str, unlike: str | None) -> str:
    return f"same-{same}" + ("" if unlike is None else f" unlike-{unlike}")
