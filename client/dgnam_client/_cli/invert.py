"""`dgnam invert`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .._client import Client
from .._errors import InvalidRequestError
from .._inversion import inverted
from .._picture_file import picture_file
from .._place import Place
from .._result import Result
from .._unit import Features, RandomMaps, Unit
from . import names, synth
from .output import Kept
from .parser import Arguments
from .plan import Aim, Wish


def run(client: Client, arguments: Arguments) -> int:
    """Draw what taps, or filters of them, keep of a photograph."""
    photo = picture_file(arguments.photo, field="photo")
    units = _units(client, arguments, photo)
    arguments.method = arguments.method or (None if arguments.prior else "inversion")
    beside = _feed_forward(client, arguments, units, photo) if arguments.feed_forward else []
    match arguments.start:
        case "noise":
            arguments.start = None
        case "mean":
            arguments.start = _grey()
        case "prior":
            arguments.start = _encoded(client, units[0], photo, arguments.timeout).png
    return synth.draw(client, arguments, [Aim.of(unit) for unit in units], beside)


def _units(client: Client, arguments: Arguments, photo: bytes) -> list[Unit]:
    """What is wanted of each place; a model alone stands for all its taps."""
    places: list[Place] = []
    for place in map(Place.parse, arguments.places):
        if place.tap is None:
            places += [replace(place, tap=tap.name) for tap in client.model(place.model, timeout=arguments.timeout).taps]
        else:
            places.append(place)
    units = [inverted(place, photo) for place in places]
    if not arguments.random:
        return units
    if filters := [str(place) for place in places if place.unit is not None]:
        raise InvalidRequestError(f"--random deals out all maps of a tap, such as alexnet64:conv3, not of {', '.join(filters)}")
    return [Unit(unit.model, unit.tap, RandomMaps(photo)) for unit in units]


def _encoded(client: Client, unit: Unit, photo: bytes, timeout: float | None, prior: str | None = None) -> Result:
    """`G(E(photo))`: what a prior makes of the photograph's code (Dosovitskiy & Brox 2016). The first step's picture, before any update."""
    method = next(method for method in client.methods(timeout=timeout) if method.name == "dgn-am")
    plain: dict[str, Any] = {
        option.name: 0.0 for option in method.options if option.part == "random-view"
    }  # a prior's card may have another view
    target = Unit(unit.model, unit.tap, Features(photo))
    drawn = client.synthesize(target, prior=prior, method=method.name, start=photo, steps=1, timeout=timeout, **plain)
    assert isinstance(drawn, Result)
    return drawn


def _feed_forward(client: Client, arguments: Arguments, units: Sequence[Unit], photo: bytes) -> list[Kept]:
    """The feed-forward inversion of every tap that a prior inverts.

    Raises:
        InvalidRequestError: No prior inverts any of them.
    """
    priors: dict[tuple[str, str], str] = {}
    for model in client.models(timeout=arguments.timeout):
        if model.code is not None and model.code.encoder:
            priors.setdefault((model.code.encoder, model.code.tap), model.name)
    found = [(unit, priors[unit.model, unit.tap]) for unit in units if (unit.model, unit.tap) in priors]
    if not found:
        taps = ", ".join(f"{encoder}:{tap}" for encoder, tap in priors)
        raise InvalidRequestError(f"--feed-forward: no prior inverts these taps; the priors here invert {taps or 'none'}")
    return [_kept(unit, _encoded(client, unit, photo, arguments.timeout, prior)) for unit, prior in found]


def _kept(unit: Unit, drawn: Result) -> Kept:
    recipe, name = drawn.recipe, f"{unit.model}:{unit.tap}:feed-forward"
    (stem,) = names.stems([name])
    return Kept(Wish(recipe.terms, name, stem, recipe.seed, -1, {}, recipe.request()), drawn)


def _grey() -> bytes:
    """A plain picture, about photographs' mean."""
    from PIL import Image

    return picture_file(Image.new("RGB", (64, 64), (128, 128, 128)), field="start")
