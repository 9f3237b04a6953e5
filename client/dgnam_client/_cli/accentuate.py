"""`dgnam accentuate`."""

from __future__ import annotations

from .._accentuation import accentuated
from .._client import Client
from .._picture_file import picture_file
from .._target import parse_target
from . import synth
from .parser import Arguments
from .plan import Aim


def run(client: Client, arguments: Arguments) -> int:
    """Draw a photograph with what a unit responds to in it made stronger."""
    photo = picture_file(arguments.photo, field="photo")
    aims = []
    for text in arguments.targets:
        unit = parse_target(text)
        model = client.model(unit[0].unit.model, timeout=arguments.timeout)
        aims.append(Aim(accentuated(model, unit, photo, tap=arguments.tap, nearness=arguments.nearness), f"{text} accentuated"))
    arguments.method = arguments.method or (None if arguments.prior else "accentuation")
    arguments.balance = "gradient-norm"
    arguments.start = photo
    return synth.draw(client, arguments, aims)
