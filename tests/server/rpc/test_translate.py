"""Every bad field, with its path and a message that says what to do; and what a good request becomes."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from dgnam_models.card import Preprocessing
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_STRICT, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import BALANCE_EQUAL_ACTIVATION, READOUT_PROBABILITY, READOUT_UNSPECIFIED, Array, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.errors import FailedPrecondition, InvalidRequest, NotFound, ServerError
from dgnam_server.rpc import translate
from dgnam_server.settings import Settings
from dgnam_server.synth.methods import DGN_AM, METHODS
from dgnam_server.synth.spec import Balance, Readout
from google.rpc import error_details_pb2
from PIL import Image

Change = Callable[[SynthesizeRequest], object]


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(stream, kind)
    return stream.getvalue()


def first(request: SynthesizeRequest) -> Term:
    return request.target.terms[0]


def set_unit(**fields: object) -> Change:
    return lambda request: first(request).unit.CopyFrom(Unit(**fields))  # type: ignore[arg-type]


def set_code(shape: list[int], values: int) -> Change:
    return lambda request: request.start_code.CopyFrom(Array(shape=shape, data=bytes(4 * values)))


def at(tap: str, y: int, x: int) -> Change:
    def change(request: SynthesizeRequest) -> None:
        set_unit(model="tiny", tap=tap, index=0)(request)
        first(request).unit.position.y, first(request).unit.position.x = y, x

    return change


def assign(**values: object) -> Change:
    def change(request: SynthesizeRequest) -> None:
        for name, value in values.items():
            setattr(request, name, value)

    return change


def again(**fields: object) -> Change:
    return lambda request: request.target.terms.add(unit=Unit(model="tiny", tap="fc8", index=2), **fields)  # type: ignore[arg-type]


UNIT = "target.terms[0].unit"
INVALID: list[tuple[str, Change, str, str]] = [
    ("no terms", lambda r: r.ClearField("target"), "target.terms", "at least one unit"),
    ("too many terms", lambda r: r.target.terms.extend([Term()] * 16), "target.terms", "17 terms; at most 16"),
    ("no unit", lambda r: first(r).ClearField("unit"), UNIT, "model, tap, and index or label"),
    ("no model", set_unit(tap="fc8", index=2), f"{UNIT}.model", "name a classifier: "),
    ("a prior as target", set_unit(model="tiny-prior", tap="fc8", index=2), f"{UNIT}.model", "is a prior"),
    ("no tap", set_unit(model="tiny", index=2), f"{UNIT}.tap", "output tap is fc8"),
    ("neither index nor label", set_unit(model="tiny", tap="fc8"), UNIT, "neither index nor label"),
    ("index", set_unit(model="tiny", tap="fc8", index=7), f"{UNIT}.index", "units 0 to 6"),
    ("channel", set_unit(model="tiny", tap="conv2", index=6), f"{UNIT}.index", "units 0 to 5"),
    ("label on a hidden tap", set_unit(model="tiny", tap="conv2", label="lemon"), f"{UNIT}.label", "labels exist on the tap fc8"),
    ("empty label", set_unit(model="tiny", tap="fc8", label=" -"), f"{UNIT}.label", "is empty"),
    ("position on a flat tap", at("fc8", 0, 0), f"{UNIT}.position", "not convolutional"),
    ("position below the map", at("conv2", 8, 0), f"{UNIT}.position.y", "y from 0 to 7"),
    ("position beside the map", at("conv2", 0, 2**32 - 1), f"{UNIT}.position.x", "x from 0 to 7"),
    ("zero weight", lambda r: setattr(first(r), "weight", 0), "target.terms[0].weight", "other than 0"),
    ("NaN weight", lambda r: setattr(first(r), "weight", float("nan")), "target.terms[0].weight", "finite"),
    ("infinite weight", lambda r: setattr(first(r), "weight", float("-inf")), "target.terms[0].weight", "finite"),
    ("unknown readout", lambda r: setattr(first(r), "readout", 9), "target.terms[0].readout", "READOUT_ACTIVATION, READOUT_PROBABILITY"),
    ("unknown balance", lambda r: setattr(r.target, "balance", 9), "target.balance", "BALANCE_NONE"),
    ("unknown determinism", assign(determinism=3), "determinism", "DETERMINISM_STRICT"),
    ("same unit twice", again(), "target.terms[1]", "same unit and readout as target.terms[0]"),
    ("opposite weights", again(weight=-1), "target.terms[1]", "same unit and readout as target.terms[0]"),
    ("a classifier as prior", assign(prior="tiny"), "prior", "is a classifier"),
    ("no steps", assign(steps=0), "steps", "from 1 to 2000"),
    ("too many steps", assign(steps=2001), "steps", "is 2001; it must be from 1 to 2000"),
    ("negative rate", assign(start_learning_rate=-1), "start_learning_rate", "is -1; it must be from 0 to 100"),
    ("NaN rate", assign(end_learning_rate=float("nan")), "end_learning_rate", "is nan"),
    ("infinite bound", assign(bound_multiplier=float("inf")), "bound_multiplier", "is inf"),
    ("decay above one", assign(decay=1.5), "decay", "from 0 to 1"),
    ("no variants", assign(variants=0), "variants", "from 1 to 64"),
    ("too many variants", assign(variants=65), "variants", "from 1 to 64"),
    ("seed", assign(seed=2**63 - 4, variants=4), "seed", "below 2^63"),
    ("code of another size", set_code([23], 23), "start_code.shape", "shape [24]"),
    ("code as a matrix", set_code([1, 24], 24), "start_code.shape", "shape [24]"),
    ("code cut short", set_code([24], 23), "start_code.data", "96 bytes"),
    ("NaN code", lambda r: r.start_code.CopyFrom(arrays.to_message(np.full(24, np.nan))), "start_code.data", "not numbers"),
    ("empty image", assign(start_image=b""), "start_image", "send a PNG"),
    ("no image", assign(start_image=b"GIF89a and so on"), "start_image", "not a PNG"),
    ("image of another format", assign(start_image=picture(40, 40, "BMP")), "start_image", "not a PNG"),
    ("truncated image", assign(start_image=picture(400, 400)[:-80]), "start_image", "cut short"),
    ("a dot", assign(start_image=picture(1, 1)), "start_image", "at least 16"),
    ("a huge image", assign(start_image=picture(5000, 4000)), "start_image", "at most 16000000"),
]


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_invalid(request_: SynthesizeRequest, tiny: Catalog, change: Change, path: str, says: str) -> None:
    change(request_)
    with pytest.raises(InvalidRequest) as caught:
        translate.synthesis(request_, tiny, Settings())
    told = {violation.field: violation.description for violation in caught.value.violations}
    assert path in told
    assert says in told[path]


@pytest.mark.parametrize("option", DGN_AM.options, ids=lambda option: option.name)
def test_every_option_is_held_to_its_range(request_: SynthesizeRequest, tiny: Catalog, option: object) -> None:
    for value in (option.minimum, option.maximum):  # type: ignore[attr-defined]
        setattr(request_, option.name, int(value))  # type: ignore[attr-defined]
        settings = translate.synthesis(request_, tiny, Settings()).settings
        assert settings[option.name] == value  # type: ignore[attr-defined]
    setattr(request_, option.name, int(option.maximum) + 1)  # type: ignore[attr-defined]
    with pytest.raises(InvalidRequest, match=option.name):  # type: ignore[attr-defined]
        translate.synthesis(request_, tiny, Settings())


NOT_FOUND: list[tuple[str, Change, str, str, str]] = [
    ("model", set_unit(model="tinny", tap="fc8", index=2), "model", "tinny", "did you mean tiny"),
    ("tap", set_unit(model="tiny", tap="fc9", index=2), "tap", "tiny:fc9", "did you mean fc8"),
    ("label", set_unit(model="tiny", tap="fc8", label="Scool Bus"), "unit", "tiny:fc8:Scool Bus", "did you mean school bus"),
    ("a label like none", set_unit(model="tiny", tap="fc8", label="zzz"), "unit", "tiny:fc8:zzz", "there are goldfish, school bus"),
    ("prior", assign(prior="tiny-prio"), "prior", "tiny-prio", "did you mean tiny-prior"),
    ("method", assign(method="dgn"), "method", "dgn", "did you mean dgn-am"),
]


@pytest.mark.parametrize(("change", "kind", "name", "says"), [case[1:] for case in NOT_FOUND], ids=[case[0] for case in NOT_FOUND])
def test_not_found(request_: SynthesizeRequest, tiny: Catalog, change: Change, kind: str, name: str, says: str) -> None:
    change(request_)
    error = refused(NotFound, request_, tiny)
    resource = error_details_pb2.ResourceInfo()
    assert error.status().details[1].Unpack(resource)
    assert (resource.resource_type, resource.resource_name) == (kind, name)
    assert says in error.message


def refused(kind: type[ServerError], request: SynthesizeRequest, catalog: Catalog) -> ServerError:
    with pytest.raises(kind) as caught:
        translate.synthesis(request, catalog, Settings())
    return caught.value


def test_everything_wrong_is_told_at_once(request_: SynthesizeRequest, tiny: Catalog) -> None:
    first(request_).weight = 0
    request_.target.terms.add(unit=Unit(model="nobody", tap="fc8", index=2))
    request_.prior, request_.steps, request_.start_image = "nothing", 0, b"x"
    error = refused(InvalidRequest, request_, tiny)
    assert isinstance(error, InvalidRequest)
    assert {violation.field for violation in error.violations} == {
        "target.terms[0].weight",
        "target.terms[1].unit.model",
        "prior",
        "steps",
        "start_image",
    }


def test_a_prior_that_draws_too_small(request_: SynthesizeRequest, tiny: Catalog) -> None:
    small = tiny.generators["tiny-prior"]
    before = small.card
    try:
        small.card = replace(before, preprocessing=Preprocessing((31, 32)))
        error = refused(FailedPrecondition, request_, tiny)
        small.card = replace(before, preprocessing=Preprocessing((36, 32)))
        translate.synthesis(request_, tiny, Settings())  # larger: cropped
    finally:
        small.card = before
    assert error.reason == "IMAGE_SIZE"
    assert "31 x 32" in error.message
    assert "32 x 32" in error.message


def test_ambiguous_label(request_: SynthesizeRequest, tiny: Catalog) -> None:
    network = tiny.networks["tiny"]
    before = network.card
    set_unit(model="tiny", tap="fc8", label="crane")(request_)
    try:
        network.card = replace(before, labels=("crane", "a", "b", "Crane", "c", "d", "e"))
        error = refused(InvalidRequest, request_, tiny)
    finally:
        network.card = before
    assert "label of units 0, 3" in error.message


@pytest.mark.parametrize("label", ["school bus", "School_Bus", "SCHOOL-BUS", "schoolbus"])
def test_labels_match_however_they_are_written(request_: SynthesizeRequest, tiny: Catalog, label: str) -> None:
    set_unit(model="tiny", tap="fc8", label=label)(request_)
    assert translate.synthesis(request_, tiny, Settings()).terms[0].unit.index == 1


def test_defaults(request_: SynthesizeRequest, tiny: Catalog) -> None:
    spec = translate.synthesis(request_, tiny, Settings())
    code = tiny.generators["tiny-prior"].card.code
    assert code is not None
    assert (spec.prior, spec.method, spec.seed, spec.variants, spec.preview_interval, spec.strict) == (
        "tiny-prior",
        "dgn-am",
        0,
        1,
        0,
        False,
    )
    assert (spec.balance, spec.terms[0].weight, spec.terms[0].readout) == (Balance.NONE, 1.0, Readout.ACTIVATION)
    assert spec.start.code is None
    assert spec.start.image is None
    assert spec.steps == 200
    assert spec.settings["start_learning_rate"] == pytest.approx(code.start_learning_rate)
    assert spec.settings["decay"] == np.float32(0.01)
    assert translate.synthesis(request_, tiny, Settings(max_steps=50)).steps == 50


def test_everything_set(request_: SynthesizeRequest, tiny: Catalog) -> None:
    first(request_).readout = READOUT_PROBABILITY
    again(readout=READOUT_UNSPECIFIED, weight=-0.5)(request_)  # the same unit read off otherwise is another term
    request_.target.terms.add(unit=Unit(model="tiny-res", tap="conv1", index=1))
    at("conv2", 7, 0)(request_)
    first(request_).ClearField("readout")
    request_.target.balance = BALANCE_EQUAL_ACTIVATION
    assign(steps=7, start_learning_rate=0.25, end_learning_rate=0.5, seed=2**62, variants=3, preview_interval=2)(request_)
    request_.determinism = DETERMINISM_STRICT
    request_.start_code.CopyFrom(arrays.to_message(np.arange(24)))
    spec = translate.synthesis(request_, tiny, Settings())
    assert [(t.unit.model, t.unit.tap, t.unit.index, t.unit.position, t.weight) for t in spec.terms] == [
        ("tiny", "conv2", 0, (7, 0), 1.0),
        ("tiny", "fc8", 2, None, -0.5),
        ("tiny-res", "conv1", 1, None, 1.0),
    ]
    assert (spec.steps, spec.settings["start_learning_rate"], spec.settings["end_learning_rate"]) == (7, 0.25, 0.5)
    assert (spec.balance, spec.seed, spec.variants, spec.preview_interval, spec.strict) == (Balance.EQUAL_ACTIVATION, 2**62, 3, 2, True)
    assert spec.start.code is not None
    np.testing.assert_array_equal(spec.start.code, np.arange(24))


def test_probability_only_at_the_output(request_: SynthesizeRequest, tiny: Catalog) -> None:
    set_unit(model="tiny", tap="fc7", index=0)(request_)
    first(request_).readout = READOUT_PROBABILITY
    assert "output tap fc8" in refused(InvalidRequest, request_, tiny).message


def test_ppgn_reads_the_logarithm_of_output_units_probabilities(request_: SynthesizeRequest, tiny: Catalog) -> None:
    assign(method="ppgn")(request_)
    request_.target.terms.add(unit=Unit(model="tiny", tap="conv2", index=1))
    request_.target.terms.add(unit=Unit(model="tiny", tap="fc8", index=1), readout=READOUT_PROBABILITY)
    spec = translate.synthesis(request_, tiny, Settings())
    assert [term.readout for term in spec.terms] == [Readout.LOG_PROBABILITY, Readout.ACTIVATION, Readout.PROBABILITY]
    assert spec.settings["reconstruction_weight"] == np.float32(0.1)
    assert set(spec.settings) == {option.name for option in METHODS["ppgn"].options}


def test_another_methods_option_is_refused_by_name(request_: SynthesizeRequest, tiny: Catalog) -> None:
    assign(langevin_noise=0.1)(request_)
    (violation,) = refused(InvalidRequest, request_, tiny).violations
    assert (violation.field, violation.description) == (
        "langevin_noise",
        "is an option of ppgn, and dgn-am has no such part: leave it out",
    )
    request_.ClearField("langevin_noise")
    assign(method="ppgn", decay=0.5)(request_)
    (violation,) = refused(InvalidRequest, request_, tiny).violations
    assert violation.field == "decay"
    assert "ppgn has no such part" in violation.description


def test_a_start_image_has_the_encoders_size(request_: SynthesizeRequest, tiny: Catalog) -> None:
    request_.start_image = picture(80, 50, "JPEG")
    image = translate.synthesis(request_, tiny, Settings()).start.image
    assert image is not None
    assert (image.shape, image.dtype) == ((32, 32, 3), np.float32)
    assert image[..., 0].min() > 0.95
