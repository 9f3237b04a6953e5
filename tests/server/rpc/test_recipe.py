"""Recipes: every default filled in, for one variant, and nothing that changes no picture; they replay to the same specification."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_ROUNDING, PRIORITY_BATCH, Include, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import BALANCE_NONE, READOUT_ACTIVATION, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import recipe
from dgnam_server.rpc.recipe import Provenance
from dgnam_server.synth.methods import METHODS
from PIL import Image

NO_MATTER = {"preview_interval", "include", "priority", "queue_timeout_s"}  # to the picture
Read = Callable[..., Any]


def detail(asked: SynthesizeRequest | SynthesizePixelsRequest) -> None:
    asked.target.terms[0].unit.label = "Go Kart"
    asked.target.terms.append(Term(unit=Unit(model="tiny-res", tap="conv1", index=1), weight=-2))
    asked.seed, asked.variants, asked.preview_interval = 40, 3, 2
    asked.priority, asked.queue_timeout_s = PRIORITY_BATCH, 9
    asked.options["steps"] = 5
    asked.include.CopyFrom(Include(png=False))


@pytest.mark.parametrize(
    ("kind", "method", "unset"),
    [("request_", "dgn-am", {"start_code", "start_image", "hole"}), ("pixels", "pyramid", {"start_image", "hole"})],
    ids=["code", "pixels"],
)
def test_every_default_is_filled_in(kind: str, method: str, unset: set[str], read: Read, request: pytest.FixtureRequest) -> None:
    asked = request.getfixturevalue(kind)
    detail(asked)
    spec = read(asked)
    filled = recipe.complete(asked, spec, 2)
    assert (filled.seed, filled.variants, filled.method) == (42, 1, method)
    assert filled.options["steps"] == 5
    assert set(filled.options) == {option.name for option in METHODS[method].options}
    assert (filled.target.balance, filled.determinism) == (BALANCE_NONE, DETERMINISM_ROUNDING)
    assert [(term.weight, term.readout) for term in filled.target.terms] == [(1, READOUT_ACTIVATION), (-2, READOUT_ACTIVATION)]
    assert {f.name for f in filled.DESCRIPTOR.fields} - {f.name for f, _ in filled.ListFields()} == unset | NO_MATTER
    again = read(filled)
    assert again == replace(spec, seed=42, variants=1, preview_interval=0, start=again.start)


def test_the_recipe_keeps_the_start(request_: SynthesizeRequest, read: Read) -> None:
    request_.start_code.CopyFrom(arrays.to_message(np.arange(24)))
    assert recipe.complete(request_, read(request_), 0).start_code == request_.start_code


def test_what_is_read_off_all_units_needs_no_readout(pixels: SynthesizePixelsRequest, read: Read) -> None:
    pixels.target.terms[0].unit.direction.CopyFrom(arrays.to_message(np.ones(7)))
    filled = recipe.complete(pixels, read(pixels), 0)
    assert not filled.target.terms[0].HasField("readout")
    read(filled)


def test_a_recipe_says_which_call_replays_it(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest) -> None:
    provenance = Provenance({"dgnam": "0.1.0", "torch": "2"}, "a test", "float32")
    for asked, field in ((request_, "synthesize"), (pixels, "synthesize_pixels")):
        written = recipe.recipe(asked, {"tiny": "abc"}, provenance)
        assert written.WhichOneof("request") == field
        assert getattr(written, field) == asked
        assert (dict(written.model_digests), dict(written.versions), written.device) == (
            {"tiny": "abc"},
            dict(provenance.versions),
            "a test",
        )


def test_the_models_that_took_part(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read) -> None:
    detail(request_)
    detail(pixels)
    assert recipe.models(read(request_), tiny) == {"tiny", "tiny-res", "tiny-prior"}
    assert recipe.models(read(pixels), tiny) == {"tiny", "tiny-res"}
    del request_.target.terms[0]
    assert recipe.models(read(request_), tiny) == {"tiny-res", "tiny-prior"}
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, "PNG")
    request_.start_image = stream.getvalue()
    assert recipe.models(read(request_), tiny) == {"tiny", "tiny-res", "tiny-prior"}, "the encoder gave the start code"
