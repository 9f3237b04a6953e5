from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import (
    ChannelSums,
    Direction,
    FeatureMap,
    Features,
    Gram,
    InvalidAddressError,
    InvalidRequestError,
    RandomMaps,
    Term,
    Unit,
)
from dgnam_client._target import parse_target, target_message, target_terms
from dgnam_client._unit import read_unit, unit_message
from dgnam_proto.v1 import target_pb2
from PIL import Image

LEMON = Unit("alexnet64", "fc8", "lemon")
TEAPOT = Unit("alexnet64", "fc8", "teapot")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("alexnet64:fc8:lemon", LEMON),
        (" alexnet64 : fc8 : lemon ", LEMON),
        ("alexnet64:fc8:7", Unit("alexnet64", "fc8", 7)),
        ("alexnet64:fc8:007", Unit("alexnet64", "fc8", 7)),
        ("alexnet64:fc8:7up", Unit("alexnet64", "fc8", "7up")),
        ("alexnet64:fc8:٣", Unit("alexnet64", "fc8", "٣")),
        ("alexnet64:fc8:Egyptian cat", Unit("alexnet64", "fc8", "Egyptian cat")),
        ("alexnet64:fc8:ratio 1:2", Unit("alexnet64", "fc8", "ratio 1:2")),
        ("alexnet64:conv5:12@6,7", Unit("alexnet64", "conv5", 12, (6, 7))),
        ("alexnet64:conv5:12 @ 0 , 0", Unit("alexnet64", "conv5", 12, (0, 0))),
        ("vit:blocks.3:12@0", Unit("vit", "blocks.3", 12, 0)),
        ("vit:blocks.3:12 @ 196", Unit("vit", "blocks.3", 12, 196)),
        ("digits:fc:label=7", Unit("digits", "fc", "7")),
        ("digits:fc:label = 7", Unit("digits", "fc", "7")),
        ("digits:fc:index=7", Unit("digits", "fc", 7)),
        ("digits:fc:label=index=7", Unit("digits", "fc", "index=7")),
        ("digits:fc:label=ratio 1:2", Unit("digits", "fc", "ratio 1:2")),
    ],
)
def test_addresses(text: str, unit: Unit) -> None:
    assert Unit.parse(text) == unit
    assert Unit.parse(str(unit)) == unit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lemon",
        "alexnet64:lemon",
        "alexnet64::lemon",
        ":fc8:lemon",
        "a:b:",
        "a:b:1@",
        "a:b:1@6,",
        "a:b:1@-1,2",
        "a:b:index=x",
        "a:b:label=",
        "a:b:@1,2",
    ],
)
def test_what_is_no_address_says_the_syntax(text: str) -> None:
    with pytest.raises(InvalidAddressError, match=r"is not an? .*address.*Write model:tap:unit") as caught:
        Unit.parse(text)
    assert isinstance(caught.value, ValueError)


def test_bare_digits_travel_as_such_so_that_the_server_can_tell_them_from_a_label() -> None:
    """Digits in an address may be an index or a label; an int in Python, and what says what it is, may not."""
    for unit, bare in ((Unit.parse("m:y:1"), True), (Unit.parse("m:y:index=1"), False), (Unit("m", "y", 1), False)):
        message = unit_message(unit)
        assert (message.WhichOneof("unit"), message.index, message.bare) == ("index", 1, bare)
        assert unit_message(read_unit(message)) == message and read_unit(message) == unit
    assert unit_message(Unit.parse("m:y:label=1")).label == "1"
    assert str(Unit("m", "y", "1")) == "m:y:label=1" and str(Unit("m", "y", "1st")) == "m:y:1st"


def test_a_token_is_a_position_of_its_own() -> None:
    message = unit_message(Unit.parse("m:y:1@0"))
    assert message.position.HasField("token") and message.position.token == 0
    assert read_unit(message) == Unit("m", "y", 1, 0)
    assert not unit_message(Unit.parse("m:y:1@0,0")).position.HasField("token")


@pytest.mark.parametrize(("text", "weight"), [("0.5*", 0.5), ("-2*", -2), ("+1.5 * ", 1.5), (" -0.5*", -0.5), ("1e-3*", 0.001), ("", 1)])
def test_weights(text: str, weight: float) -> None:
    assert Term.parse(text + "alexnet64:fc8:lemon") == Term(LEMON, weight)


@pytest.mark.parametrize("text", ["*a:b:c", "half*a:b:c", "0*a:b:c", "nan*a:b:c", "inf*a:b:c", "1*2*a:b:c"])
def test_bad_weights(text: str) -> None:
    with pytest.raises(InvalidAddressError, match="weight"):
        Term.parse(text)


def test_what_takes_a_units_place_is_short_in_print() -> None:
    assert repr(Direction(np.ones(4096))) == "<Direction of 4096 units>"
    assert repr(Features(b"x" * 70_000)) == "<Features of a picture, 70000 bytes>"
    assert repr(Features(np.ones((4, 3, 2)))) == "<Features of shape (4, 3, 2)>"
    assert repr(Features("photo.jpg")) == "<Features of 'photo.jpg'>"


def test_a_label_may_hold_an_asterisk() -> None:
    assert Term.parse("a:b:c*d") == Term(Unit("a", "b", "c*d"))


@pytest.mark.parametrize(
    ("target", "terms"),
    [
        ("alexnet64:fc8:lemon", [Term(LEMON)]),
        ("alexnet64:fc8:lemon+-0.5*alexnet64:fc8:teapot", [Term(LEMON), Term(TEAPOT, -0.5)]),
        ("alexnet64:fc8:lemon + alexnet64:fc8:teapot", [Term(LEMON), Term(TEAPOT)]),
        ("a:b:c+d", [Term(Unit("a", "b", "c+d"))]),
        (LEMON, [Term(LEMON)]),
        (Term(LEMON, 2), [Term(LEMON, 2)]),
        (("alexnet64:fc8:lemon", 2), [Term(LEMON, 2)]),
        (["alexnet64:fc8:lemon", TEAPOT], [Term(LEMON), Term(TEAPOT)]),
        (("alexnet64:fc8:lemon", "alexnet64:fc8:teapot"), [Term(LEMON), Term(TEAPOT)]),
        ([("2*alexnet64:fc8:lemon", 0.5), (TEAPOT, 3)], [Term(LEMON, 1), Term(TEAPOT, 3)]),
        ({"alexnet64:fc8:lemon": 1, "alexnet64:fc8:teapot": -1}, [Term(LEMON), Term(TEAPOT, -1)]),
        ({LEMON: 0.5}, [Term(LEMON, 0.5)]),
        ((address for address in ["alexnet64:fc8:lemon"]), [Term(LEMON)]),
    ],
)
def test_forms_of_a_target(target: Any, terms: list[Term]) -> None:
    assert list(parse_target(target)) == terms


@pytest.mark.parametrize("target", [[], {}, 3, None, [3], [None], {"a:b:c": 0}, {"a:b:c": "x"}, ("a:b:c", None), [["a:b:c"]], ""])
def test_what_is_no_target(target: Any) -> None:
    with pytest.raises(InvalidAddressError):
        parse_target(target)


def test_message() -> None:
    message = target_message(
        [Term(LEMON, 0.5, "activation"), Unit("alexnet64", "conv5", 12, (0, 3))], balance="gradient-norm", readout="probability"
    )
    first, second = message.terms
    assert message.balance == target_pb2.BALANCE_GRADIENT_NORM
    assert first.unit.label == "lemon" and first.weight == 0.5 and first.readout == target_pb2.READOUT_ACTIVATION
    assert not first.unit.HasField("position")
    assert second.unit.WhichOneof("unit") == "index" and second.unit.index == 12 and second.readout == target_pb2.READOUT_PROBABILITY
    assert (second.unit.position.y, second.unit.position.x) == (0, 3) and not second.HasField("weight")


def test_what_is_not_said_is_left_to_the_server() -> None:
    message = target_message("a:b:c@0,0")
    assert not message.HasField("balance")
    assert not message.terms[0].HasField("readout")
    assert message.terms[0].unit.HasField("position")


def test_the_message_gives_the_terms_back() -> None:
    terms = (Term(LEMON, -0.5), Term(Unit("a", "b", 0, (0, 1))), Term(Unit("a", "b", 3), readout="probability"))
    terms += (Term(Unit("a", "b", 3), readout="log-probability"), Term(Unit("a", "b", 4), readout="activation"))
    assert target_terms(target_message(terms)) == terms


def test_whole_taps_go_and_come_back() -> None:
    directed = Unit("a", "conv", Direction([1, 0, -2]), (0, 1))
    message = target_message(
        [directed, Unit("a", "fc", Features(b"file")), Unit("a", "fc", Features(np.ones((2, 3))))], readout="probability"
    )
    assert [term.unit.WhichOneof("unit") for term in message.terms] == ["direction", "features_of", "features"]
    assert not any(term.readout for term in message.terms), "they say themselves what is read"
    direction, photograph, activations = (term.unit for term in target_terms(message))
    assert isinstance(direction.unit, Direction) and np.asarray(direction.unit.vector).tolist() == [1, 0, -2]
    assert direction.position == (0, 1) and str(direction) == "a:conv:direction@0,1"
    assert isinstance(photograph.unit, Features) and photograph.unit.of == b"file"
    assert isinstance(activations.unit, Features) and activations.unit.of.shape == (2, 3)
    kinds = (FeatureMap(b"file", 17), RandomMaps(b"file"), ChannelSums(b"file"), Gram(b"file"))
    for kind, text in zip(kinds, ("map-17", "random-maps", "channel-sums", "gram"), strict=True):
        (again,) = target_terms(target_message(Unit("a", "conv", kind)))
        assert type(again.unit.unit) is type(kind) and vars(again.unit.unit) == vars(kind) and str(again) == f"a:conv:{text}"
    with pytest.raises(InvalidAddressError, match="only real numbers"):
        target_message(Unit("a", "b", Direction(["x"])))


def test_features_of_any_picture(tmp_path: Path) -> None:
    picture = Image.new("RGB", (2, 2), "red")
    picture.save(tmp_path / "red.png")
    for of in (picture, tmp_path / "red.png", str(tmp_path / "red.png"), (tmp_path / "red.png").read_bytes()):
        (term,) = target_message(Unit("a", "b", Features(of))).terms
        with Image.open(io.BytesIO(term.unit.features_of)) as sent:
            assert sent.getpixel((1, 1)) == (255, 0, 0)


@pytest.mark.parametrize("unit", [Unit("a", "b", -1), Unit("a", "b", 2**32), Unit("a", "b", 1, (-1, 0)), Unit("a", "b", 1.5)])  # type: ignore[arg-type]
def test_what_the_message_cannot_hold(unit: Unit) -> None:
    with pytest.raises(InvalidAddressError, match="is not a unit address"):
        target_message(unit)


def test_unknown_words_name_the_known_ones() -> None:
    with pytest.raises(InvalidRequestError, match=r"balance: 'equal' is none of 'none', 'gradient-norm', 'equal-activation'") as caught:
        target_message(LEMON, balance="equal")  # type: ignore[arg-type]
    assert caught.value.violations[0][0] == "balance"
    with pytest.raises(InvalidRequestError, match="readout: 'logit' is none of"):
        target_message(LEMON, readout="logit")  # type: ignore[arg-type]
