"""Targets that match pictures: inversion of a tap, and a photograph in the style of another picture."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from ._catalog import Model
from ._errors import InvalidAddressError
from ._picture_file import PictureLike
from ._place import PlaceLike, parse_places
from ._target import Term
from ._unit import ChannelSums, FeatureMap, Features, Gram, Unit

MOST_STYLE_TAPS = 5


def inverted(place: PlaceLike, photo: PictureLike) -> Unit:
    """The target whose picture shows what a tap keeps of a photograph, or what one filter of it does; draw it with the method `inversion`.

        client.synthesize_pixels(inverted("vgg19:relu3_2:17", "photo.jpg"), method="inversion")

    Args:
        place: A tap, `model:tap`: all its activations are matched (Mahendran & Vedaldi 2015). Or a channel of it, `model:tap:17`: all that
            is active is gathered in that one map first (feature map inversion, Xia et al. 2016).
        photo: The photograph (a PIL image, a path, a file's bytes, a Result).

    Raises:
        InvalidAddressError: It is neither, but an output unit's label, a position, or a model alone.
    """
    where = parse_places(place)[0]
    if where.tap is None or isinstance(where.unit, str) or where.position is not None:
        raise InvalidAddressError(
            f"{where} cannot be inverted", advice="Write model:tap for a whole tap, or model:tap:17 for feature map 17 of it."
        )
    return Unit(where.model, where.tap, Features(photo) if where.unit is None else FeatureMap(photo, where.unit))


def restyled(
    model: Model,
    photo: PictureLike,
    style: PictureLike,
    *,
    gram: bool = False,
    content_tap: str | None = None,
    style_taps: Iterable[str] | None = None,
    content_weight: float = 10.0,
    style_weight: float = 1.0,
) -> tuple[Term, ...]:
    """The target whose picture has the content of a photograph and the style of another picture; draw it with the method `inversion`.

        alpha L(phi_c(x), phi_c(photo)) + beta sum over style taps of L(s(phi(x)), s(phi(style)))        (Xia et al. 2016, section 2.2)

    L is the squared distance relative to the wanted values' own size, so that the weights mean the same for every network; s the means of
    the maps, or their Gram matrix (Gatys et al. 2016).

    Args:
        model: The classifier, with its taps: `client.model("vgg19")`.
        photo: What is to be seen.
        style: How. It may have any size.
        gram: Whether s is the Gram matrix.
        content_tap: c; default: the last rectified tap of the second size of maps, which in VGG-19 is the published relu2_2.
        style_taps: Default: the first rectified tap of each of the first five sizes of maps, in VGG-19 relu1_1 to relu5_1.
        content_weight: alpha.
        style_weight: beta.

    Raises:
        InvalidAddressError: The model has no maps, or a weight is not a number other than 0.
    """
    content, styles = default_taps(model)
    kind = Gram if gram else ChannelSums
    taps = styles if style_taps is None else tuple(style_taps)
    terms = [Term(Unit(model.name, content_tap or content, Features(photo)), content_weight)]
    return (*terms, *(Term(Unit(model.name, tap, kind(style)), style_weight) for tap in taps))


def default_taps(model: Model) -> tuple[str, tuple[str, ...]]:
    """Where `restyled` reads content and style, where nobody says it.

    Raises:
        InvalidAddressError: The model has no maps.
    """
    maps = [tap for tap in model.taps if len(tap.shape) == 3 and min(tap.shape[1:]) > 1]
    if not maps:
        raise InvalidAddressError(f"{model.name} has no maps to read a style from", advice="Choose a convolutional network.")
    sizes = [list(group) for _, group in groupby(maps, key=lambda tap: tap.shape[1:])]
    rectified = [[tap.name for tap in group if tap.name.startswith("relu")] or [tap.name for tap in group] for group in sizes]
    return rectified[min(1, len(rectified) - 1)][-1], tuple(group[0] for group in rectified[:MOST_STYLE_TAPS])
