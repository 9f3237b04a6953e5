"""`--skip-existing`: which pictures are there already, and whether they are the ones that are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._errors import InvalidRequestError
from .._recipe import Recipe, Request

# What changes no picture, or is compared in a way of its own.
_PASSED_OVER = ("include", "preview_interval", "variants", "target", "options")


def differences(recipe_file: Path, request: Request) -> list[str]:
    """What the recipe beside a picture has otherwise than a request; nothing where there is no recipe to tell."""
    try:
        drawn: Any = Recipe.load(recipe_file).request()
    except FileNotFoundError:
        return []
    except (OSError, InvalidRequestError) as error:
        return [f"its recipe cannot be read: {error}"]
    if type(drawn) is not type(request):
        return [f"method {drawn.method}"]
    found = [
        field.name.replace("_", " ")
        + (f" {getattr(drawn, field.name)}" if field.type != field.TYPE_BYTES and field.message_type is None else "")
        for field, value in request.ListFields()
        if field.name not in _PASSED_OVER and getattr(drawn, field.name) != value
    ]
    found += [
        f"{name} {drawn.options[name]:g}"
        for name, value in request.options.items()
        if name in drawn.options and drawn.options[name] != value
    ]
    terms, asked = drawn.target.terms, request.target.terms
    same = len(terms) == len(asked) and all(
        ours.unit == theirs.unit and (not ours.readout or ours.readout == theirs.readout) for ours, theirs in zip(asked, terms, strict=True)
    )
    balance = request.target.balance and request.target.balance != drawn.target.balance
    return found + ([] if same else ["target"]) + (["balance"] if balance else [])
