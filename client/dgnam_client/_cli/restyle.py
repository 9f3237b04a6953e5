"""`dgnam restyle`."""

from __future__ import annotations

from .._client import Client
from .._inversion import restyled
from .._picture_file import picture_file
from . import synth
from .parser import Arguments
from .plan import Aim


def run(client: Client, arguments: Arguments) -> int:
    """Draw a photograph in the style of another picture."""
    photo, style = (picture_file(path, field=field) for path, field in ((arguments.photo, "photo"), (arguments.style, "style")))
    model = client.model(arguments.network, timeout=arguments.timeout)
    terms = restyled(
        model,
        photo,
        style,
        gram=arguments.gram,
        content_tap=arguments.content_tap,
        style_taps=arguments.style_taps,
        content_weight=arguments.content_weight,
        style_weight=arguments.style_weight,
    )
    arguments.method = arguments.method or (None if arguments.prior else "inversion")
    return synth.draw(client, arguments, [Aim.of(terms)])
