"""Places to read activations at."""

from __future__ import annotations

from typing import Any

import pytest
from dgnam_client import Direction, InvalidAddressError, Place, Unit
from dgnam_client._place import parse_places


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("alexnet64", Place("alexnet64")),
        ("alexnet64:conv5", Place("alexnet64", "conv5")),
        ("alexnet64:conv5:12", Place("alexnet64", "conv5", 12)),
        ("alexnet64:fc8:tabby cat", Place("alexnet64", "fc8", "tabby cat")),
        ("alexnet64:fc8:ratio 1:2", Place("alexnet64", "fc8", "ratio 1:2")),
        ("alexnet64:conv5:12@6,7", Place("alexnet64", "conv5", 12, (6, 7))),
        (" alexnet64 : conv5 @ 0 , 7", Place("alexnet64", "conv5", None, (0, 7))),
        ("alexnet64@0,7", Place("alexnet64", None, None, (0, 7))),
        ("vit:blocks.3@0", Place("vit", "blocks.3", None, 0)),
        ("digits:fc:label=7", Place("digits", "fc", "7")),
        ("digits:fc:index=7", Place("digits", "fc", 7)),
    ],
)
def test_addresses(text: str, place: Place) -> None:
    assert Place.parse(text) == place
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", ":", "alexnet64:", ":fc8", "alexnet64::3", "a:b:", "a:b@", "a:b@6,", "a@1,2,3", "@1,2"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidAddressError, match="is not .*address.*Write model:tap"):
        Place.parse(text)


def test_forms() -> None:
    place = Place("a", "b", 3)
    for form in ("a:b:3", place, Unit("a", "b", 3)):
        assert parse_places(form) == parse_places([form]) == (place,)
    assert parse_places(iter(["a", "a:b"])) == (Place("a"), Place("a", "b"))


@pytest.mark.parametrize("places", [[], [3], [None], Unit("a", "b", Direction([1])), ["a", Unit("a", "b", 1.5)]])  # type: ignore[arg-type]
def test_what_is_no_place(places: Any) -> None:
    with pytest.raises(InvalidAddressError, match="Write model:tap, as in alexnet64:conv5"):
        parse_places(places)


def test_a_unit_needs_its_tap() -> None:
    with pytest.raises(InvalidAddressError, match="unit 3 of a has no tap"):
        Place("a", unit=3)
