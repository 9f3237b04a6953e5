"""`dgnam facets`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._catalog import Model
from .._client import Client
from .._errors import InvalidRequestError
from .._facets import clusters, nearest
from .._picture_file import opened
from .._place import Place
from .._unit import Unit
from . import files, synth, tunables, waiting
from .parser import Arguments
from .plan import Aim

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_ONCE = 32  # photographs in one request
_NEAREST = 15  # photographs whose mean is a start, as published


def run(client: Client, arguments: Arguments) -> int:
    """Draw one picture for each group of the photographs that excite a unit most."""
    unit = Unit.parse(arguments.target)
    photos = files.pictures(arguments.photos)
    if not 2 <= arguments.groups <= len(photos):
        raise InvalidRequestError(f"--groups: {arguments.groups} is not between 2 and {len(photos)}, the photographs given")
    model = client.model(unit.model, timeout=arguments.timeout)
    strength, features = _looked_at(client, arguments, model, unit, photos)
    strongest = (-strength).argsort(kind="stable")[: max(arguments.strongest, arguments.groups)]
    group = clusters(features[strongest], arguments.groups)
    chosen = [strongest[group == number] for number in range(arguments.groups)]
    chosen = [members[nearest(features[members], _NEAREST)] for members in chosen]
    for number, members in enumerate(chosen, 1):
        print(f"facet {number}: {(group == number - 1).sum()} photographs, such as {photos[members[0]]}")
    starts = _starts(client, arguments, model, [[photos[member] for member in members] for members in chosen])
    aims = [Aim(unit, f"{arguments.target} facet-{number}", start) for number, start in enumerate(starts, 1)]
    return synth.draw(client, arguments, aims)


def _looked_at(client: Client, arguments: Arguments, model: Model, unit: Unit, photos: Sequence[Path]) -> tuple[NDArray[Any], NDArray[Any]]:
    """How strongly each photograph excites the unit, (N,), and what the last tap before it makes of them, means of maps, (N, C)."""
    names = [tap.name for tap in model.taps]
    tap = arguments.tap or names[max(0, names.index(unit.tap) - 1 if unit.tap in names else 0)]
    asked = Place(unit.model, unit.tap, unit.unit, unit.position)  # type: ignore[arg-type]  # an address names no whole tap
    found = _activations(client, arguments, photos, [asked, Place(unit.model, tap)])
    strength, features = found
    return strength.reshape(len(photos), -1).mean(1), features.reshape(*features.shape[:2], -1).mean(2)


def _activations(client: Client, arguments: Arguments, photos: Sequence[Path], places: Sequence[Place]) -> list[NDArray[Any]]:
    import numpy as np

    parts = []
    for first in range(0, len(photos), _AT_ONCE):
        files_of = [path.read_bytes() for path in photos[first : first + _AT_ONCE]]
        parts.append(client.activations(files_of, places, timeout=arguments.timeout, **waiting.said(arguments)).arrays)
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def _starts(client: Client, arguments: Arguments, model: Model, groups: Sequence[Sequence[Path]]) -> list[Any]:
    """Where each group's picture starts: with a prior the mean of its photographs' codes, without one their mean picture."""
    methods = client.methods(timeout=arguments.timeout)
    if tunables.find(methods, arguments.method or methods.default_method).pixels:
        return [_mean_picture(group, model) for group in groups]
    priors = [known for known in client.models(timeout=arguments.timeout) if known.code is not None and known.code.encoder]
    fitting = (
        [prior for prior in priors if prior.name == arguments.prior]
        if arguments.prior
        else sorted(priors, key=lambda prior: prior.code is not None and prior.code.encoder != model.name)
    )
    if not fitting:
        names = ", ".join(prior.name for prior in priors) or "none"
        raise InvalidRequestError(f"facets start from photographs' codes, which need a prior of a network's activations: {names}")
    arguments.prior, code = fitting[0].name, fitting[0].code
    assert code is not None
    place = Place(code.encoder, code.tap)
    return [_activations(client, arguments, group, [place])[0].reshape(len(group), -1).mean(0) for group in groups]


def _mean_picture(group: Sequence[Path], model: Model) -> Any:
    import numpy as np
    from PIL import Image, ImageOps

    size = model.image_size[1], model.image_size[0]
    pictures = [ImageOps.fit(opened(path.read_bytes(), str(path)), size) for path in group]
    return Image.fromarray(np.rint(np.mean([np.asarray(picture) for picture in pictures], 0)).astype(np.uint8))
