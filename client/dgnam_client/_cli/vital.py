"""`dgnam vital`."""

from __future__ import annotations

from .._client import Client
from .._likeness import resembling
from .._unit import Unit
from . import files, synth
from .parser import Arguments
from .plan import Aim


def run(client: Client, arguments: Arguments) -> int:
    """Draw a picture whose maps have the distributions that exemplars of a unit give them."""
    unit = Unit.parse(arguments.target)
    exemplars = [path.read_bytes() for path in files.pictures(arguments.photos)]
    terms = resembling(client.model(unit.model, timeout=arguments.timeout), unit, exemplars, taps=arguments.taps)
    arguments.method = arguments.method or (None if arguments.prior else "vital")
    return synth.draw(client, arguments, [Aim(terms, f"{arguments.target} vital")])
