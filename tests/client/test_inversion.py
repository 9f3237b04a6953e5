from __future__ import annotations

import pytest
from dgnam_client import ChannelSums, FeatureMap, Features, Gram, InvalidAddressError, Unit, inverted, restyled
from dgnam_client._inversion import default_taps
from vgg19 import VGG19, model


def test_a_tap_and_a_filter_of_it() -> None:
    assert isinstance(inverted("vgg19:relu3_2", b"photo").unit, Features)
    one = inverted("vgg19:relu3_2:17", b"photo")
    assert isinstance(one.unit, FeatureMap) and (one.tap, one.unit.index, one.unit.of) == ("relu3_2", 17, b"photo")


@pytest.mark.parametrize("place", ["vgg19", "vgg19:fc8:lemon", "vgg19:relu3_2:17@1,2"])
def test_what_cannot_be_inverted(place: str) -> None:
    with pytest.raises(InvalidAddressError, match="cannot be inverted.*model:tap:17"):
        inverted(place, b"photo")


@pytest.mark.parametrize(("gram", "kind"), [(False, ChannelSums), (True, Gram)])
def test_a_restyled_photograph_is_the_published_target(gram: bool, kind: type) -> None:
    content, *styles = restyled(VGG19, b"photo", b"style", gram=gram)
    assert (content.unit.tap, content.weight) == ("relu2_2", 10) and isinstance(content.unit.unit, Features)
    assert [term.unit.tap for term in styles] == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    assert all(term.weight == 1 and isinstance(term.unit.unit, kind) and term.unit.unit.of == b"style" for term in styles)


def test_taps_and_weights_may_be_chosen() -> None:
    terms = restyled(VGG19, b"photo", b"style", content_tap="conv4_2", style_taps=["conv1_1"], content_weight=2, style_weight=3)
    assert [(term.unit.tap, term.weight) for term in terms] == [("conv4_2", 2), ("conv1_1", 3)]


def test_networks_without_rectified_taps_or_without_maps() -> None:
    assert default_taps(model(("a", 8, 16), ("b", 8, 8), ("c", 8, 8))) == ("c", ("a", "b"))
    with pytest.raises(InvalidAddressError, match="no maps"):
        restyled(model(), b"photo", b"style")
    assert isinstance(restyled(VGG19, b"photo", b"style")[0].unit, Unit)
