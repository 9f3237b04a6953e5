"""Targets: every bad field with its path, and what good terms become."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dgnam_models.card import Preprocessing, Tap
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import (
    READOUT_LOG_PROBABILITY,
    READOUT_PROBABILITY,
    Array,
    FeatureMap,
    Pictures,
    Position,
    SortedMaps,
    Target,
    Term,
    Unit,
)
from dgnam_server.catalog import Catalog
from dgnam_server.rpc.errors import FailedPrecondition, NotFound, Reason
from dgnam_server.synth import spec
from dgnam_server.synth.spec import Readout
from PIL import Image

Change = Callable[[Target], object]
Read = Callable[..., Any]


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(stream, "PNG")
    return stream.getvalue()


def unit(tap: str = "fc8", model: str = "tiny", **fields: Any) -> Change:
    return lambda target: target.terms[0].unit.CopyFrom(Unit(model=model, tap=tap, **fields))


def term(**fields: Any) -> Change:
    return lambda target: target.terms[0].MergeFrom(Term(**fields))


def relevant(tap: str, behind: str, model: str = "tiny") -> Change:
    exemplars = SortedMaps(of=[png(40, 30)], relevant_to=Unit(model=model, tap=behind, index=0))
    return unit(tap, sorted_maps=exemplars)


def again(**fields: Any) -> Change:
    return lambda target: target.terms.add(unit=Unit(model="tiny", tap="fc8", index=2), **fields)


def vector(*shape: int, value: float = 1.0) -> Array:
    return arrays.to_message(np.full(shape, value))


UNIT = "terms[0].unit"
INVALID: list[tuple[str, Change, str, str]] = [
    ("too many terms", lambda t: t.terms.extend([Term()] * 24), "terms", "25 terms are more than 16"),
    ("no unit", lambda t: t.terms[0].ClearField("unit"), UNIT, "a unit is required: a model, a tap, and an index or a label"),
    ("no model", unit(model="", index=2), f"{UNIT}.model", "a classifier is required: "),
    ("a prior as target", unit(model="tiny-prior", index=2), f"{UNIT}.model", "tiny-prior is a prior and has no units; the classi"),
    ("no tap", unit("", index=2), f"{UNIT}.tap", "a tap is required; tiny has conv1, "),
    ("neither index nor label", unit(), UNIT, "an index or a label is required"),
    ("index", unit(index=7), f"{UNIT}.index", "7 is not between 0 and 6, the units of tiny:fc8"),
    ("channel", unit("conv2", index=6), f"{UNIT}.index", "6 is not between 0 and 5, the units of tiny:conv2"),
    ("label on a hidden tap", unit("conv2", label="lemon"), f"{UNIT}.label", "tiny:conv2 has no labels; only fc8 has: give an index"),
    ("empty label", unit(label=" -"), f"{UNIT}.label", "the label is empty; tiny:fc8 has labels such as goldfish"),
    ("position on a flat tap", unit(index=0, position=Position()), f"{UNIT}.position", "fc8 is fully connected, and its units have no"),
    ("position below the map", unit("conv2", index=0, position=Position(y=8)), f"{UNIT}.position.y", "8 is not between 0 and 7"),
    ("position beside the map", unit("conv2", index=0, position=Position(x=2**32 - 1)), f"{UNIT}.position.x", "4294967295 is not between"),
    ("zero weight", term(weight=0), "terms[0].weight", "0 is not a finite number other than 0"),
    ("NaN weight", term(weight=float("nan")), "terms[0].weight", "nan is not a finite number"),
    ("infinite weight", term(weight=float("-inf")), "terms[0].weight", "-inf is not a finite number"),
    ("unknown readout", term(readout=9), "terms[0].readout", "9 is unknown; it may be READOUT_ACTIVATION, READOUT_PROBABILITY, "),
    ("unknown balance", lambda t: setattr(t, "balance", 9), "balance", "9 is unknown; it may be BALANCE_NONE, "),
    ("same unit twice", again(), "terms[1]", "the unit and readout are those of target.terms[0]: make one term of them"),
    ("opposite weights", again(weight=-1), "terms[1]", "the unit and readout are those of target.terms[0]"),
    ("direction of a wrong size", unit("conv3", direction=vector(5)), f"{UNIT}.direction.shape", "[5] is not [8], the shape of tiny:conv3"),
    ("features of a wrong size", unit("conv3", features=vector(8)), f"{UNIT}.features.shape", "[8] is not [8, 4, 4], the shape of"),
    ("features at a place", unit("fc6", features=vector(24), position=Position()), f"{UNIT}.position", "all of the map is read"),
    ("features of no picture", unit("fc6", features_of=b"no picture"), f"{UNIT}.features_of", "the file is not a PNG, JPEG or WebP file"),
    ("features of half a picture", unit("fc6", features_of=png(400, 300)[:-60]), f"{UNIT}.features_of", "the file is damaged or cut short"),
    ("a map of no picture", unit("conv3", feature_map=FeatureMap(index=1)), f"{UNIT}.feature_map.of", "the file is empty"),
    ("no such map", unit("conv3", feature_map=FeatureMap(index=8, of=png(40, 30))), f"{UNIT}.feature_map.index", "8 is not between 0 and"),
    ("a map of a flat tap", unit("fc6", feature_map=FeatureMap(of=png(40, 30))), f"{UNIT}.feature_map", "fc6 is fully connected"),
    ("no exemplars", unit("conv3", sorted_maps=SortedMaps()), f"{UNIT}.sorted_maps.of", "0 pictures are not between 1 and 64"),
    ("an exemplar of nothing", unit("conv3", similar_to=Pictures(of=[b"x"])), f"{UNIT}.similar_to.of[0]", "the file is not a PNG, JPEG"),
    ("relevance before the tap", relevant("conv3", "conv2"), f"{UNIT}.sorted_maps.relevant_to.tap", "conv2 does not lie behind conv3"),
    ("relevance elsewhere", relevant("conv3", "fc", "tiny-res"), f"{UNIT}.sorted_maps.relevant_to.model", "it must be tiny, whose maps"),
    ("style of a flat tap", unit("fc6", gram_of=png(40, 30)), f"{UNIT}.gram_of", "fc6 is fully connected and has no maps: choose a conv"),
    ("style of no picture", unit("conv3", channel_sums_of=b"no"), f"{UNIT}.channel_sums_of", "the file is not a PNG, JPEG or WebP file"),
    ("random at a place", unit("conv3", random_maps_of=png(40, 30), position=Position()), f"{UNIT}.position", "all of the map is read"),
    ("a direction of nothing", unit(direction=vector(7, value=0)), f"{UNIT}.direction.data", "all values are zero"),
    ("a direction of NaN", unit(direction=vector(7, value=np.nan)), f"{UNIT}.direction.data", "some values are infinite or not numbers"),
    ("a direction at a place", unit(direction=vector(7), position=Position()), f"{UNIT}.position", "fc8 is fully connected"),
    ("a direction's probability", lambda t: (unit(direction=vector(7))(t), term(readout=2)(t)), "terms[0].readout", "direction is"),
    ("a hidden unit's probability", lambda t: (unit("fc7", index=0)(t), term(readout=2)(t)), "terms[0].readout", "only, not of fc7"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_invalid(
    request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, violations: Any, change: Change, path: str, says: str
) -> None:
    for asked in (request_, pixels):
        change(asked.target)
        told = violations(asked)
        assert f"target.{path}" in told
        assert says in told[f"target.{path}"]


NOT_FOUND = [
    (unit(model="tinny", index=2), "target.terms[0].unit.model: there is no model 'tinny'; did you mean tiny"),
    (unit("fc9", index=2), "target.terms[0].unit.tap: tiny has no tap 'fc9'; did you mean fc8"),
    (unit(label="Scool Bus"), "target.terms[0].unit.label: tiny:fc8 has no unit labelled 'Scool Bus'; did you mean school bus"),
    (unit(label="zzz"), "tiny:fc8 has no unit labelled 'zzz'; there are goldfish, school bus"),
]


@pytest.mark.parametrize(("change", "says"), NOT_FOUND, ids=["model", "tap", "label", "a label like none"])
def test_not_found(request_: SynthesizeRequest, read: Read, change: Change, says: str) -> None:
    change(request_.target)
    with pytest.raises(NotFound) as caught:
        read(request_)
    assert says in caught.value.message


@pytest.mark.parametrize("size", [(31, 32), (36, 32)])
def test_a_prior_may_draw_pictures_of_another_size_than_a_network_takes(
    size: tuple[int, int], request_: SynthesizeRequest, tiny: Catalog, read: Read
) -> None:
    prior = tiny.generators["tiny-prior"]
    before = prior.card
    try:
        prior.card = replace(before, preprocessing=Preprocessing(size))
        assert read(request_).prior == "tiny-prior"
    finally:
        prior.card = before


def test_a_network_without_gradients(pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read) -> None:
    network = tiny.networks["tiny"]
    before = network.card
    try:
        network.card = replace(before, forward_only="it rounds")
        with pytest.raises(FailedPrecondition, match="nothing can be drawn for tiny, which gives no usable gradients: it rounds") as caught:
            read(pixels)
    finally:
        network.card = before
    assert caught.value.reason is Reason.NOT_DIFFERENTIABLE


def test_ambiguous_label(request_: SynthesizeRequest, tiny: Catalog, violations: Any) -> None:
    network = tiny.networks["tiny"]
    before = network.card
    unit(label="crane")(request_.target)
    try:
        network.card = replace(before, labels=("crane", "a", "b", "Crane", "c", "d", "e"))
        told = violations(request_)
    finally:
        network.card = before
    assert told == {"target.terms[0].unit.label": "'crane' is the label of units 0, 3: give one of these as index instead"}


def test_a_bare_number_that_is_another_units_label_is_refused_with_both_forms(
    request_: SynthesizeRequest, tiny: Catalog, violations: Any, read: Read
) -> None:
    """Folders 1, 10, 2, 20, 3 in the order of their names: the unit labelled 1 is not unit 1."""
    network = tiny.networks["tiny"]
    before = network.card
    try:
        network.card = replace(before, labels=("1", "10", "2", "20", "3", "007", "6"))
        unit(index=1, bare=True)(request_.target)
        assert violations(request_) == {
            "target.terms[0].unit.index": "1 may be an index or a label, of different units: unit 1, which is labelled '10', is "
            "tiny:fc8:index=1; the unit labelled 1 is tiny:fc8:label=1"
        }
        unit(index=20, bare=True)(request_.target)
        assert "the unit labelled 20 is tiny:fc8:label=20" in violations(request_)["target.terms[0].unit.index"]
        unit(index=7, bare=True)(request_.target)
        assert "the unit labelled 007 is tiny:fc8:label=007" in violations(request_)["target.terms[0].unit.index"]
        for given, meant in (
            ({"index": 1}, 1),
            ({"label": "1"}, 0),
            ({"label": "10"}, 1),
            ({"index": 0, "bare": True}, 0),  # nobody is labelled 0
            ({"index": 6, "bare": True}, 6),  # labelled 6 as well
        ):
            unit(**given)(request_.target)
            assert read(request_).terms[0].unit.index == meant
    finally:
        network.card = before


def test_a_token_of_a_sequence_and_no_place_of_a_map(request_: SynthesizeRequest, tiny: Catalog, violations: Any, read: Read) -> None:
    unit("conv2", index=0, position=Position(token=3))(request_.target)
    assert violations(request_) == {"target.terms[0].unit.position": "conv2 is a map of 8 x 8 places and has no tokens: write @y,x"}
    network = tiny.networks["tiny"]
    before = network.card
    try:
        network.card = replace(before, taps=(Tap("tokens", (6, 50, 1)), *before.taps))
        unit("tokens", index=0, position=Position(token=49))(request_.target)
        assert read(request_).terms[0].unit.position == (49, 0)
        unit("tokens", index=0, position=Position(token=50))(request_.target)
        assert violations(request_) == {"target.terms[0].unit.position.token": "50 is not between 0 and 49"}
    finally:
        network.card = before


@pytest.mark.parametrize("label", ["school bus", "School_Bus", "SCHOOL-BUS", "schoolbus"])
def test_labels_match_however_they_are_written(request_: SynthesizeRequest, read: Read, label: str) -> None:
    unit(label=label)(request_.target)
    assert read(request_).terms[0].unit.index == 1


def test_a_unit_read_off_otherwise_is_another_term(request_: SynthesizeRequest, read: Read) -> None:
    again(readout=READOUT_PROBABILITY)(request_.target)
    again(readout=READOUT_LOG_PROBABILITY, weight=-0.5)(request_.target)
    terms = read(request_).terms
    assert [term.readout for term in terms] == [Readout.ACTIVATION, Readout.PROBABILITY, Readout.LOG_PROBABILITY]
    assert [term.weight for term in terms] == [1, 1, -0.5]


def test_what_ppgn_reads_off_output_units(request_: SynthesizeRequest, read: Read) -> None:
    request_.method = "ppgn"
    request_.target.terms.add(unit=Unit(model="tiny", tap="conv2", index=1))
    request_.target.terms.add(unit=Unit(model="tiny", tap="fc8", index=1), readout=READOUT_PROBABILITY)
    assert [term.readout for term in read(request_).terms] == [Readout.LOG_PROBABILITY, Readout.ACTIVATION, Readout.PROBABILITY]


def test_terms_of_all_units(pixels: SynthesizePixelsRequest, read: Read) -> None:
    def add(tap: str, **fields: Any) -> None:
        pixels.target.terms.add(unit=Unit(model="tiny", tap=tap, **fields), weight=2)

    for direction in ([1.0, 2, 3, 4, 5, 6, 7, 8], range(8)):
        add("conv3", direction=arrays.to_message(direction), position=Position(y=0, x=1))
    add("conv3", features=vector(8, 4, 4))
    add("fc6", features_of=png(50, 40))
    add("conv3", feature_map=FeatureMap(index=5, of=png(50, 40)))
    add("conv3", random_maps_of=png(50, 40))
    add("conv2", channel_sums_of=png(50, 40))
    add("conv3", gram_of=png(50, 40))
    add("conv2", sorted_maps=SortedMaps(of=[png(50, 40), png(40, 50)], relevant_to=Unit(model="tiny", tap="conv3", index=3)))
    add("fc6", similar_to=Pictures(of=[png(50, 40)]))
    add("conv2", similar_gram_to=Pictures(of=[png(50, 40)]))
    _, first, second, wanted, of, one_map, *others = read(pixels).terms
    assert one_map.readout is Readout.FEATURE_MAP and one_map.unit.index == 5
    of_one = [Readout.RANDOM_MAPS, Readout.CHANNEL_SUMS, Readout.GRAM]
    assert [each.readout for each in others] == [*of_one, Readout.SORTED_MAPS, Readout.FEATURE_SIMILARITY, Readout.GRAM_SIMILARITY]
    assert [len(each.pictures) for each in (one_map, *others)] == [1, 1, 1, 1, 2, 1, 1]
    assert others[3].relevant_to == spec.Unit("tiny", "conv3", 3) and others[4].relevant_to is None
    assert first.readout is second.readout is Readout.DIRECTION and first.unit.position == (0, 1)
    assert first.vector is not None and first.vector.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert second.vector is not None and second.vector.tolist() == list(range(8)), "two directions of one tap are two terms"
    assert wanted.readout is of.readout is Readout.FEATURES and wanted.vector is not None and wanted.vector.shape == (8 * 4 * 4,)
    assert of.pictures is not None and of.pictures.shape == (1, 32, 32, 3)
    assert of.weight == first.weight == 2
