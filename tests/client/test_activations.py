"""Activations, by place."""

from __future__ import annotations

import numpy as np
import pytest
from dgnam_client import Activations, Place, Unit

MANY = Activations((Place("a"), Place("a", "conv", 3)), (np.zeros(7, np.float32), np.ones((4, 4), np.float32)), {}, (None, None))


def test_an_array_for_each_place() -> None:
    assert len(MANY) == 2 and [array.shape for array in MANY] == [(7,), (4, 4)]
    for key in (1, -1, "a:conv:3", Place("a", "conv", 3), Unit("a", "conv", 3)):
        assert MANY[key] is MANY.arrays[1]
    with pytest.raises(KeyError, match="a:fc is none of a, a:conv:3"):
        MANY["a:fc"]
    assert repr(MANY) == "<Activations a (7,), a:conv:3 (4, 4)>"


def test_the_only_array() -> None:
    assert Activations(MANY.places[:1], MANY.arrays[:1], {}, (None,)).array is MANY.arrays[0]
    with pytest.raises(ValueError, match=r"there are 2 places: write activations\['a'\] or activations\[0\]"):
        _ = MANY.array
