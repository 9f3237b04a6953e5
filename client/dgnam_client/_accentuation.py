"""Targets that begin at a photograph: what in it a unit responds to, and pictures that one network takes for it and another does not."""

from __future__ import annotations

from ._catalog import Model
from ._errors import InvalidAddressError
from ._picture_file import PictureLike
from ._place import Place, PlaceLike, parse_places
from ._target import TargetLike, Term, parse_target
from ._unit import Features, Unit

NEARNESS = 1.0
UNLIKENESS = 0.1


def accentuated(
    model: Model, unit: TargetLike, photo: PictureLike, *, tap: str | None = None, nearness: float = NEARNESS
) -> tuple[Term, ...]:
    """The target whose picture raises a unit and stays near a photograph, not in its pixels but in one tap's features (feature
    accentuation, Hamblin et al. 2024, arXiv 2402.10039). It shows what in this very photograph the unit responds to.

        phi_h(x) - w ||phi_t(x) - phi_t(photo)||^2 / ||phi_t(photo)||^2

    Draw it with the method `accentuation` from the photograph, the gradients of the two terms brought to one size:

        model = client.model("efficientnet-lite0")
        target = accentuated(model, "efficientnet-lite0:fc:lemon", "photo.jpg")
        client.synthesize_pixels(target, method="accentuation", start="photo.jpg", balance="gradient-norm")

    Args:
        model: The classifier, with its taps.
        unit: What is raised: a unit of this classifier, or several.
        photo: The photograph (a PIL image, a path, a file's bytes, a Result).
        tap: t; default: the middle one of the taps with maps that lie before the unit's.
        nearness: w.

    Raises:
        InvalidAddressError: The model has no maps before the unit, or `nearness` is not a number other than 0.
    """
    terms = parse_target(unit)
    return (*terms, Term(Unit(model.name, tap or middle_tap(model, terms[0].unit), Features(photo)), nearness))


def middle_tap(model: Model, unit: Unit) -> str:
    """The middle one of the taps with maps that lie before a unit's.

    Raises:
        InvalidAddressError: There is none.
    """
    names = [tap.name for tap in model.taps]
    end = names.index(unit.tap) if unit.model == model.name and unit.tap in names else len(names)
    maps = [tap.name for tap in model.taps[:end] if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    if not maps:
        raise InvalidAddressError(
            f"{model.name} has no maps before {unit.tap}", advice="Name the tap to stay near at, or choose a later unit."
        )
    return maps[len(maps) // 2]


def metamer(same: PlaceLike, photo: PictureLike, *, unlike: PlaceLike | None = None, unlikeness: float = UNLIKENESS) -> tuple[Term, ...]:
    """The target whose picture one network cannot tell from a photograph, and another can: one half of a maximally different pair (Wang &
    Simoncelli 2008, DOI 10.1167/8.12.8). The other half has the two places the other way round.

        -||phi_a(x) - phi_a(photo)||^2 / ||phi_a(photo)||^2 + v ||phi_b(x) - phi_b(photo)||^2 / ||phi_b(photo)||^2

    Draw it with the method `inversion`, the gradients of the two terms brought to one size:

        target = metamer("alexnet64:conv5", "photo.jpg", unlike="resnet64:relu4b")
        client.synthesize_pixels(target, method="inversion", balance="gradient-norm")

    Args:
        same: a, a tap whose network is to be deceived.
        photo: The photograph (a PIL image, a path, a file's bytes, a Result).
        unlike: b, a tap at which it is to be as different as possible; None: a plain metamer.
        unlikeness: v; below 1, so that the likeness is served first.

    Raises:
        InvalidAddressError: A place is not a whole tap.
    """
    near = Term(_tap(same, photo))
    return (near,) if unlike is None else (near, Term(_tap(unlike, photo), -unlikeness))


def _tap(place: PlaceLike, photo: PictureLike) -> Unit:
    where: Place = parse_places(place)[0]
    if where.tap is None or where.unit is not None or where.position is not None:
        raise InvalidAddressError(f"{where} is not a whole tap", advice="Write model:tap, as in alexnet64:conv5.")
    return Unit(where.model, where.tap, Features(photo))
