"""`dgnam inpaint`."""

from __future__ import annotations

from .._client import Client
from .._errors import InvalidRequestError
from .._hole import Edges, Hole
from . import synth
from .parser import Arguments
from .plan import Aim


def run(client: Client, arguments: Arguments) -> int:
    """Draw what a unit prefers in the hole of a photograph; the rest is held."""
    if (arguments.hole is None) == (arguments.mask is None):
        raise InvalidRequestError("say where the hole is: --hole TOP,LEFT,BOTTOM,RIGHT in pixels, or --mask FILE, and not both")
    hole = Hole(arguments.photo, arguments.mask if arguments.hole is None else _edges(arguments.hole))
    arguments.hole = hole
    if arguments.start == "noise":
        arguments.start = None
    elif arguments.start is None:
        arguments.start = hole.filled()
    return synth.draw(client, arguments, [Aim(text, f"{text} inpainted") for text in arguments.targets])


def _edges(text: str) -> Edges:
    try:
        top, left, bottom, right = map(int, text.split(","))
    except ValueError:
        raise InvalidRequestError(f"--hole {text}: write the edges in the photograph's pixels, TOP,LEFT,BOTTOM,RIGHT") from None
    return top, left, bottom, right
