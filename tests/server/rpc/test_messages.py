"""The way back: what a result holds, and that its recipe replays it."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1 import catalog_pb2
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_ROUNDING, ENDING_ZERO_GRADIENT, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import BALANCE_NONE, READOUT_ACTIVATION, Target, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.engine.events import Finished, Progress
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.rpc import messages, translate
from dgnam_server.rpc.messages import Answer, Provenance
from dgnam_server.settings import Settings
from dgnam_server.synth.methods import METHODS
from PIL import Image

PROVENANCE = Provenance({"dgnam": "0.1.0", "torch": "2"}, "a test", "float32")


def answer(request: SynthesizeRequest, catalog: Catalog) -> Answer:
    return Answer(request, translate.synthesis(request, catalog, Settings()), catalog, PROVENANCE)


@pytest.fixture
def detailed() -> SynthesizeRequest:
    terms = [Term(unit=Unit(model="tiny", tap="fc8", label="Go Kart")), Term(unit=Unit(model="tiny-res", tap="conv1", index=1), weight=-2)]
    return SynthesizeRequest(target=Target(terms=terms), steps=5, seed=40, variants=3, preview_interval=2)


def test_recipe_has_every_default_and_one_variant(detailed: SynthesizeRequest, tiny: Catalog) -> None:
    spec = translate.synthesis(detailed, tiny, Settings())
    filled = messages.complete(detailed, spec, 2)
    assert (filled.seed, filled.variants, filled.steps, filled.prior, filled.method) == (42, 1, 5, "tiny-prior", "dgn-am")
    assert (filled.target.balance, filled.determinism) == (BALANCE_NONE, DETERMINISM_ROUNDING)
    assert [(term.weight, term.readout) for term in filled.target.terms] == [(1, READOUT_ACTIVATION), (-2, READOUT_ACTIVATION)]
    assert not filled.HasField("preview_interval")
    unset = {field.name for field in filled.DESCRIPTOR.fields} - {field.name for field, _ in filled.ListFields()}
    own = {option.name for option in METHODS["dgn-am"].options}
    other_methods = {option.name for name in ("ppgn", "diffusion") for option in METHODS[name].options} - own
    assert unset == {"preview_interval", "start_code", "start_image"} | other_methods


def test_recipe_replays_to_the_same_specification(detailed: SynthesizeRequest, tiny: Catalog) -> None:
    spec = translate.synthesis(detailed, tiny, Settings())
    again = translate.synthesis(messages.complete(detailed, spec, 1), tiny, Settings())
    assert replace(again, start=spec.start) == replace(spec, seed=41, variants=1, preview_interval=0)


def test_recipe_keeps_the_start(request_: SynthesizeRequest, tiny: Catalog) -> None:
    request_.start_code.CopyFrom(arrays.to_message(np.arange(24)))
    spec = translate.synthesis(request_, tiny, Settings())
    assert messages.complete(request_, spec, 0).start_code == request_.start_code


def test_digests_are_of_the_models_that_took_part(detailed: SynthesizeRequest, tiny: Catalog) -> None:
    image = np.zeros((16, 16, 3), np.float32)
    event = Finished(0, SynthesisResult(image, image, image, 0.0, np.zeros(2), Ending.STEPS_DONE))
    assert set(answer(detailed, tiny).message(event).result.recipe.model_digests) == {"tiny", "tiny-res", "tiny-prior"}
    del detailed.target.terms[0]
    assert set(answer(detailed, tiny).message(event).result.recipe.model_digests) == {"tiny-res", "tiny-prior"}
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "PNG")
    detailed.start_image = stream.getvalue()
    digests = answer(detailed, tiny).message(event).result.recipe.model_digests
    assert dict(digests) == {name: tiny.cards[name].sha256 for name in ("tiny", "tiny-res", "tiny-prior")}


def test_result(request_: SynthesizeRequest, tiny: Catalog) -> None:
    image = np.full((8, 6, 3), 1.5, np.float32)
    history = np.array([[1], [2]], np.float32)
    drawn = SynthesisResult(image, np.ones(24, np.float32), history, 2.0, history[-1], Ending.ZERO_GRADIENT)
    result = answer(request_, tiny).message(Finished(0, drawn)).result
    np.testing.assert_array_equal(arrays.from_message(result.image), image)
    np.testing.assert_array_equal(arrays.from_message(result.history), history)
    assert Image.open(io.BytesIO(result.png)).size == (6, 8)
    assert (result.activation, list(result.term_activations), result.ending) == (2, [2], ENDING_ZERO_GRADIENT)
    assert (dict(result.recipe.versions), result.recipe.device) == (dict(PROVENANCE.versions), "a test")


def test_progress(request_: SynthesizeRequest, tiny: Catalog) -> None:
    moved = (Progress(0, 3, 5, 1.0), Progress(1, 2, 5, 0.5, np.zeros((4, 4, 3), np.float32)))
    variants = answer(request_, tiny).message(moved).progress.variants
    assert [(v.variant, v.step, v.total_steps, v.HasField("preview")) for v in variants] == [(0, 3, 5, False), (1, 2, 5, True)]


def test_every_ending_has_a_value() -> None:
    assert set(messages.ENDINGS) == set(Ending)


def test_models(tiny: Catalog) -> None:
    card = tiny.cards["tiny"]
    full, brief = messages.model(card, full=True), messages.model(card, full=False)
    assert [(tap.name, tuple(tap.shape)) for tap in full.taps] == [(tap.name, tap.shape) for tap in card.taps]
    assert (tuple(full.labels), full.output_tap, full.image_height, full.role) == (card.labels, "fc8", 32, catalog_pb2.ROLE_CLASSIFIER)
    assert json.loads(full.training_json) == card.training
    assert not brief.taps
    assert not brief.labels
    assert not brief.HasField("code")
    prior = messages.model(tiny.cards["tiny-prior"], full=False)
    assert (prior.role, prior.code.size, prior.code.encoder, prior.code.tap) == (catalog_pb2.ROLE_PRIOR, 24, "tiny", "relu6")


def test_methods_tell_the_servers_limit() -> None:
    listed = messages.methods("a prior", max_steps=50)
    options = {option.name: option for option in listed.methods[0].options}
    assert (listed.default_method, listed.default_prior) == ("dgn-am", "a prior")
    assert (options["steps"].maximum, options["steps"].default_value) == (50, 50)
    assert not options["start_learning_rate"].HasField("default_value")
    assert set(options) <= set(SynthesizeRequest.DESCRIPTOR.fields_by_name)
