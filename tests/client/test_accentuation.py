from __future__ import annotations

import pytest
from dgnam_client import Features, InvalidAddressError, accentuated, metamer
from vgg19 import VGG19


def test_an_accentuated_photograph_is_the_unit_and_a_tap_before_it() -> None:
    unit, near = accentuated(VGG19, "vgg19:relu4_1:7", b"photo", nearness=2)
    assert (str(unit.unit), unit.weight) == ("vgg19:relu4_1:7", 1)
    assert isinstance(near.unit.unit, Features) and near.unit.unit.of == b"photo"
    assert (near.unit.tap, near.weight) == ("conv3_1", 2), "the middle one of the 16 taps before"
    assert accentuated(VGG19, "vgg19:fc8:0", b"photo", tap="relu1_1")[1].unit.tap == "relu1_1"


def test_before_the_first_tap_there_is_nothing_to_stay_near_at() -> None:
    with pytest.raises(InvalidAddressError, match="no maps before conv1_1"):
        accentuated(VGG19, "vgg19:conv1_1:7", b"photo")


def test_a_metamer_is_the_same_for_one_and_different_for_the_other() -> None:
    near, far = metamer("a:conv5", b"photo", unlike="b:relu4", unlikeness=0.5)
    assert [(str(term.unit), term.weight) for term in (near, far)] == [("a:conv5:features", 1), ("b:relu4:features", -0.5)]
    assert len(metamer("a:conv5", b"photo")) == 1


@pytest.mark.parametrize("place", ["a", "a:conv5:7", "a:fc8:lemon"])
def test_only_whole_taps_can_be_the_same(place: str) -> None:
    with pytest.raises(InvalidAddressError, match="is not a whole tap"):
        metamer(place, b"photo")
