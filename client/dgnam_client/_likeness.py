"""Targets made of other pictures: like exemplars in the distribution of every map, or unlike pictures that are there already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from ._accentuation import middle_tap
from ._catalog import Model
from ._errors import InvalidAddressError
from ._picture_file import PictureLike
from ._target import TargetLike, Term, parse_target
from ._unit import Similar, SortedMaps, Unit

MOST_TAPS = 5
DIVERSITY = 0.5


def resembling(
    model: Model, unit: str | Unit, exemplars: Iterable[PictureLike], *, taps: Iterable[str] | None = None, relevance: bool | None = None
) -> tuple[Term, ...]:
    """The target whose picture has, in every map, the distribution of activations that exemplars of a unit have (VITAL, Görgün et al. 2025,
    arXiv 2503.22399): distributions are matched, places are free. Draw it with the method `vital`.

        sum over taps of -sum_k r_k ||sort(phi_k(x)) - s_k||^2 / sum_k r_k ||s_k||^2

    s_k is the mean of the exemplars' sorted activations of map k, and r_k what the map says for the unit at the exemplars.

        model = client.model("efficientnet-lite0")
        target = resembling(model, "efficientnet-lite0:block6d:17", ["a.jpg", "b.jpg", "c.jpg"])
        client.synthesize_pixels(target, method="vital")

    Args:
        model: The classifier, with its taps.
        unit: The unit, one of this classifier.
        exemplars: Photographs that excite it strongly (PIL images, paths, files' bytes, Results); about ten.
        taps: Where distributions are matched; default: the last tap of each of the last five sizes of maps before the unit's tap.
        relevance: Whether maps count by what they say for the unit; default: for hidden units, as published.

    Raises:
        InvalidAddressError: The unit is not one of the model's, or no maps lie before it.
    """
    (term,) = parse_target(unit)
    found = tuple(exemplars)
    wanted = tuple(taps) if taps is not None else taps_before(model, term.unit)
    weighed = term.unit.tap != model.output_tap if relevance is None else relevance
    return tuple(Term(Unit(model.name, tap, SortedMaps(found, term.unit if weighed else None)), 1 / len(wanted)) for tap in wanted)


def taps_before(model: Model, unit: Unit) -> tuple[str, ...]:
    """The last tap of each of the last five sizes of maps before a unit's tap.

    Raises:
        InvalidAddressError: There is none, or the model has no such tap.
    """
    names = [tap.name for tap in model.taps]
    if unit.model != model.name or unit.tap not in names:
        raise InvalidAddressError(f"{unit} is not a unit of {model.name}", advice=f"Its taps are {', '.join(names)}.")
    before = [tap for tap in model.taps[: names.index(unit.tap)] if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    if not before:
        raise InvalidAddressError(f"no maps lie before {unit}", advice="Choose a later unit.")
    sizes = [list(group) for _, group in groupby(before, key=lambda tap: tap.shape[1:])]
    return tuple(group[-1].name for group in sizes[-MOST_TAPS:])


def unlike(
    model: Model,
    target: TargetLike,
    pictures: Sequence[PictureLike],
    *,
    tap: str | None = None,
    gram: bool = True,
    diversity: float = DIVERSITY,
) -> tuple[Term, ...]:
    """A target whose picture differs on purpose from pictures of it that are there already: the diversity of Olah et al. 2017, one picture
    after the other, so that each can be drawn again by itself.

        target - d mean over pictures p of cos(G(phi_t(x)), G(phi_t(p)))

    G is the Gram matrix of the tap's maps, or the activations themselves.

        pictures = []
        for seed in range(4):
            asked = unlike(model, "efficientnet-lite0:block6d:17", pictures)
            pictures.append(client.synthesize(asked, seed=seed, balance="gradient-norm"))

    Args:
        model: The classifier, with its taps.
        target: What all of them show.
        pictures: Those that are there; empty: the target alone.
        tap: t; default: the middle one of the taps with maps before the unit's.
        gram: Whether Gram matrices are compared: textures, wherever they are; otherwise the tap's activations.
        diversity: d.

    Raises:
        InvalidAddressError: No maps lie before the unit.
    """
    terms = parse_target(target)
    if not pictures:
        return terms
    where = tap or middle_tap(model, terms[0].unit)
    return (*terms, Term(Unit(model.name, where, Similar(tuple(pictures), gram=gram)), -diversity))
