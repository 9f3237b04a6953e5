from __future__ import annotations

import pytest
from dgnam_client import InvalidAddressError, Similar, SortedMaps, Unit, resembling, unlike
from dgnam_client._unit import read_unit, unit_message
from vgg19 import VGG19


def test_distributions_are_matched_at_the_last_tap_of_five_sizes() -> None:
    terms = resembling(VGG19, "vgg19:fc8:1", [b"a", b"b"])
    assert [term.unit.tap for term in terms] == ["relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4"]
    assert sum(term.weight for term in terms) == pytest.approx(1)
    assert all(isinstance(term.unit.unit, SortedMaps) and term.unit.unit.relevant_to is None for term in terms)


def test_for_hidden_units_maps_count_by_what_they_say_for_it() -> None:
    terms = resembling(VGG19, "vgg19:relu3_2:17", [b"a"])
    assert [term.unit.tap for term in terms] == ["relu1_2", "relu2_2", "conv3_2"]
    assert {str(term.unit.unit.relevant_to) for term in terms} == {"vgg19:relu3_2:17"}  # type: ignore[union-attr]
    with pytest.raises(InvalidAddressError, match="is not a unit of vgg19"):
        resembling(VGG19, "resnet64:fc:1", [b"a"])


def test_the_message_and_back() -> None:
    asked = Unit("vgg19", "relu2_2", SortedMaps((b"a", b"b"), Unit("vgg19", "relu3_2", 17, (1, 2))))
    back = read_unit(unit_message(asked))
    assert isinstance(back.unit, SortedMaps)
    assert tuple(back.unit.of) == (b"a", b"b") and str(back.unit.relevant_to) == "vgg19:relu3_2:17@1,2"
    for gram, field in ((True, "similar_gram_to"), (False, "similar_to")):
        message = unit_message(Unit("vgg19", "relu2_2", Similar((b"a",), gram=gram)))
        assert message.WhichOneof("unit") == field
        again = read_unit(message).unit
        assert isinstance(again, Similar) and again.gram is gram and tuple(again.to) == (b"a",)


def test_the_first_picture_differs_from_none() -> None:
    assert len(unlike(VGG19, "vgg19:relu4_1:7", [])) == 1
    _, other = unlike(VGG19, "vgg19:relu4_1:7", [b"a"], diversity=2)
    assert (str(other.unit), other.weight) == ("vgg19:conv3_1:similar-gram", -2)
    assert str(unlike(VGG19, "vgg19:relu4_1:7", [b"a"], gram=False)[1].unit) == "vgg19:conv3_1:similar"
