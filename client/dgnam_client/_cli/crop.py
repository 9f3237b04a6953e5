"""Pictures of hidden units, cut to the pixels that the unit sees."""

from __future__ import annotations

from collections.abc import Callable

from .._errors import InvalidRequestError
from .._receptive_field import Box
from .._result import Result
from .._target import Term
from .catalog import Catalog


def boxes(catalog: Catalog, targets: list[tuple[Term, ...]], say: Callable[[str], object]) -> dict[tuple[Term, ...], Box | None]:
    """For each target the pixels that its unit sees, of a picture of its network's size; None where it sees all of it.

    Raises:
        InvalidRequestError: A target names no position, so its unit is read all over the map.
    """
    found: dict[tuple[Term, ...], Box | None] = {}
    for terms in targets:
        unseen = [term.unit for term in terms if term.unit.position is None and len(_shape(catalog, term)) == 3]
        if unseen:
            height, width = _shape(catalog, terms[0])[1:] if len(_shape(catalog, terms[0])) == 3 else (2, 2)
            raise InvalidRequestError(
                f"--crop-to-field: {unseen[0]} is read all over its map, so it sees the whole picture: "
                f"name a position, such as {unseen[0]}@{height // 2},{width // 2}"
            )
        found[terms] = _of_terms(catalog, terms)
        if found[terms] is None:
            say(f"{'+'.join(map(str, terms))}: not cropped, since it sees the whole picture or what it sees cannot be told")
    return found


def cropped(catalog: Catalog, terms: tuple[Term, ...], box: Box | None, result: Result) -> Box | None:
    """The box in the result's own pixels."""
    if box is None:
        return None
    width, height = result.image.size
    return box.scaled(catalog.model(terms[0].unit.model).image_size, (height, width))


def _of_terms(catalog: Catalog, terms: tuple[Term, ...]) -> Box | None:
    found = []
    size = catalog.model(terms[0].unit.model).image_size
    for term in terms:
        position = term.unit.position
        field = catalog.receptive_field(term.unit) if isinstance(position, tuple) else None
        if field is None or not isinstance(position, tuple):
            return None
        try:
            box = field.box(position)
        except IndexError as error:
            raise InvalidRequestError(f"--crop-to-field: {term.unit}: {error}") from None
        found.append(box.scaled(catalog.model(term.unit.model).image_size, size))
    box = Box(min(b.top for b in found), min(b.left for b in found), max(b.bottom for b in found), max(b.right for b in found))
    return None if box == Box(0, 0, *size) else box


def _shape(catalog: Catalog, term: Term) -> tuple[int, ...]:
    return next((tap.shape for tap in catalog.model(term.unit.model).taps if tap.name == term.unit.tap), ())
