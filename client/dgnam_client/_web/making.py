"""How to make a picture again: the lines for a shell and for Python."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from dgnam_proto.v1 import target_pb2

from .._catalog import Methods
from .._recipe import Recipe


@dataclass(frozen=True)
class Making:
    """Lines that draw a picture again.

    Attributes:
        replay: By its recipe's file: the same picture, where weights, versions and device are the same.
        command: By the command line, with every option that differs from the method's default; empty where a recipe holds a picture.
        python: The same for Python.
    """

    replay: str
    command: str
    python: str


def making(recipe: Recipe, methods: Methods | None, file: str) -> Making:
    """The lines for a recipe.

    Args:
        recipe: The picture's.
        methods: What the server tells of its methods; None: every option is written out.
        file: The recipe's file name.
    """
    replay = f"dgnam synth --replay {shlex.quote(file)} -o again.png"
    request = recipe.request()
    if request.WhichOneof("start") if hasattr(request, "start_code") else request.HasField("start_image"):
        python = f'picture = client.replay("{file}")  # the recipe holds the photograph that it began with'
        return Making(replay, "", _program(python))
    method = next((one for one in methods or () if one.name == recipe.method), None)
    defaults = recipe.options if method is None else {option.name: option.default for option in method.options}
    options = {name: value for name, value in recipe.options.items() if name in defaults and (method is None or defaults[name] != value)}
    words = {"method": recipe.method, **_said(recipe), "seed": recipe.seed}
    words |= {name: int(value) if value == int(value) else value for name, value in options.items()}
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in words.items())
    call = "synthesize" if hasattr(request, "prior") else "synthesize_pixels"
    arguments = ", ".join([repr(recipe.target), *(f"{name}={value!r}" for name, value in words.items())])
    command = f"dgnam synth {shlex.quote(recipe.target)} {flags} -o again.png"
    return Making(replay, command, _program(f"picture = client.{call}({arguments})"))


def _said(recipe: Recipe) -> dict[str, object]:
    """What else the request says, by the words of the client's call."""
    request = recipe.request()
    said: dict[str, object] = {}
    if getattr(request, "prior", ""):
        said["prior"] = request.prior
    readouts = {term.readout for term in recipe.terms} - {None}
    if len(readouts) == 1:
        said["readout"] = readouts.pop()
    if len(recipe.terms) > 1 and request.target.balance:
        name = target_pb2.Balance.Name(request.target.balance).removeprefix("BALANCE_")
        said["balance"] = name.lower().replace("_", "-")
    return said


def _program(line: str) -> str:
    return f'from dgnam_client import Client\n\nwith Client() as client:\n    {line}\n    picture.save("again.png")'
