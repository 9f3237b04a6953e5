"""SynthesizePixels: every bad field with its path, options told apart by name, and what a good request becomes."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from dgnam_models.patches import PatchSet
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import DETERMINISM_STRICT, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_proto.v1.target_pb2 import READOUT_PROBABILITY, Position, Target, Term, Unit
from dgnam_server.catalog import Catalog
from dgnam_server.engine.events import Finished
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.errors import FailedPrecondition, InvalidRequest, NotFound
from dgnam_server.rpc import messages, translate
from dgnam_server.rpc.messages import Answer, Provenance
from dgnam_server.settings import Settings
from dgnam_server.synth import memory
from dgnam_server.synth.methods import METHODS, Method
from dgnam_server.synth.spec import Readout
from PIL import Image

Change = Callable[[SynthesizePixelsRequest], object]
PIXEL_METHODS = [method for method in METHODS.values() if not method.draws_with_a_generator]


@pytest.fixture
def pixels() -> SynthesizePixelsRequest:
    return SynthesizePixelsRequest(target=Target(terms=[Term(unit=Unit(model="tiny", tap="fc8", index=2))]))


def option(name: str, value: float, method: str = "pyramid") -> Change:
    def change(request: SynthesizePixelsRequest) -> None:
        request.method = method
        request.options[name] = value

    return change


def assign(**values: object) -> Change:
    def change(request: SynthesizePixelsRequest) -> None:
        for name, value in values.items():
            setattr(request, name, value)

    return change


INVALID: list[tuple[str, Change, str, str]] = [
    (
        "a prior's option",
        option("bound_multiplier", 2),
        "options.bound_multiplier",
        "an option of dgn-am, ppgn, diffusion, for drawing with a prior",
    ),
    ("a typing error", option("tv_wieght", 2), "options.tv_wieght", "did you mean tv_weight"),
    ("no option at all", option("zzzzzz", 2), "options.zzzzzz", "there is no option 'zzzzzz'"),
    ("an option of other methods", option("blur_sigma", 1, "lucid"), "options.blur_sigma", "lucid has no such part"),
    ("range", option("momentum", 2), "options.momentum", "is 2; it must be from 0 to 0.999"),
    ("NaN", option("tv_weight", float("nan")), "options.tv_weight", "is nan"),
    ("infinite steps", option("steps", float("inf")), "options.steps", "from 1 to 2000"),
    ("half a level", option("levels", 2.5), "options.levels", "a whole number from 1 to 12"),
    ("half a step", option("steps", 10.5), "options.steps", "a whole number from 1 to 2000"),
    ("a prior's method", assign(method="dgn-am"), "method", "draws with a prior: call Synthesize"),
    ("too small", assign(width=8), "width", "is 8; it must be at least 16"),
    ("too large", assign(height=4096, width=4096), "height", "at most 262144 are allowed"),
    ("no picture", assign(start_image=b"GIF89a"), "start_image", "not a PNG"),
    ("no variants", assign(variants=0), "variants", "from 1 to 64"),
    ("seed", assign(seed=2**63), "seed", "below 2^63"),
    ("determinism", assign(determinism=7), "determinism", "DETERMINISM_STRICT"),
    ("no terms", lambda r: r.ClearField("target"), "target.terms", "at least one unit"),
]


@pytest.mark.parametrize(("change", "path", "says"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_invalid(pixels: SynthesizePixelsRequest, tiny: Catalog, change: Change, path: str, says: str) -> None:
    change(pixels)
    with pytest.raises(InvalidRequest) as caught:
        translate.pixels(pixels, tiny, Settings())
    told = {violation.field: violation.description for violation in caught.value.violations}
    assert path in told
    assert says in told[path]


@pytest.mark.parametrize("method", PIXEL_METHODS, ids=lambda method: method.name)
def test_every_option_is_held_to_its_range(pixels: SynthesizePixelsRequest, tiny: Catalog, method: Method) -> None:
    tiny = replace(tiny, patches=PatchSet(torch.zeros(40, 192)))
    pixels.method = method.name
    for known in method.options:
        for value in (known.minimum, known.maximum):
            pixels.options[known.name] = value
            assert translate.pixels(pixels, tiny, Settings()).settings[known.name] == value
        pixels.options[known.name] = known.maximum * 1.01 + 1
        with pytest.raises(InvalidRequest, match=rf"options\.{known.name}: is"):
            translate.pixels(pixels, tiny, Settings())
        del pixels.options[known.name]


def test_everything_wrong_is_told_at_once(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    pixels.options.update({"momentum": 5, "bound_multiplier": 1, "nothing": 0})
    pixels.height, pixels.variants = 1, 1000
    pixels.target.terms.add(unit=Unit(model="tiny", tap="fc8", index=99))
    with pytest.raises(InvalidRequest) as caught:
        translate.pixels(pixels, tiny, Settings())
    fields = {violation.field for violation in caught.value.violations}
    assert fields == {
        "options.momentum",
        "options.bound_multiplier",
        "options.nothing",
        "height",
        "variants",
        "target.terms[1].unit.index",
    }


def test_a_pixel_method_of_the_other_call(request_: SynthesizeRequest, tiny: Catalog) -> None:
    request_.method = "pyramid"
    with pytest.raises(InvalidRequest, match="optimizes pixels: call SynthesizePixels"):
        translate.synthesis(request_, tiny, Settings())


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(stream, "PNG")
    return stream.getvalue()


def whole(request: SynthesizePixelsRequest, tap: str, **unit: object) -> SynthesizePixelsRequest:
    request.target.terms.add(unit=Unit(model="tiny", tap=tap, **unit))  # type: ignore[arg-type]
    return request


def test_terms_of_a_whole_tap(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    for vector in ([1.0, 2, 3, 4, 5, 6, 7, 8], range(8)):
        whole(pixels, "conv3", direction=arrays.to_message(vector), position=Position(y=0, x=1))
    whole(pixels, "conv3", features=arrays.to_message(np.ones((8, 4, 4))))
    whole(pixels, "fc6", features_of=png(50, 40))
    _, first, second, wanted, of = translate.pixels(pixels, tiny, Settings()).terms
    assert first.readout is second.readout is Readout.DIRECTION and first.unit.position == (0, 1)
    assert first.vector is not None and first.vector.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert second.vector is not None and second.vector.tolist() == list(range(8)), "two directions of one tap are two terms"
    assert wanted.readout is of.readout is Readout.FEATURES and wanted.vector is not None and wanted.vector.shape == (8 * 4 * 4,)
    assert of.picture is not None and of.picture.shape == (32, 32, 3)


def test_what_is_wrong_with_terms_of_a_whole_tap(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    whole(pixels, "conv3", direction=arrays.to_message(range(5)))
    whole(pixels, "conv3", features=arrays.to_message(range(8)), position=Position())
    whole(pixels, "fc6", features_of=b"no picture")
    whole(pixels, "fc8", direction=arrays.to_message(np.zeros(7)))
    whole(pixels, "fc8", direction=arrays.to_message(np.full(7, np.nan)), position=Position())
    pixels.target.terms[4].readout = READOUT_PROBABILITY
    with pytest.raises(InvalidRequest) as caught:
        translate.pixels(pixels, tiny, Settings())
    assert [(violation.field.removeprefix("target."), violation.description) for violation in caught.value.violations] == [
        ("terms[1].unit.direction.shape", "is [5]; tiny:conv3 has the shape [8]"),
        ("terms[2].unit.position", "is set, but features are those of the whole tap; leave it out"),
        ("terms[2].unit.features.shape", "is [8]; tiny:conv3 has the shape [8, 4, 4]"),
        ("terms[3].unit.features_of", "is not a PNG, JPEG or WebP file"),
        ("terms[4].readout", "is set, but what is read of the whole tap says unit.direction; leave it out"),
        ("terms[4].unit.direction.data", "is all zero; at least one value must not be"),
        ("terms[5].unit.position", "is set, but fc8 is not convolutional: its units have no positions"),
        ("terms[5].unit.direction.data", "has values that are infinite or not numbers"),
    ]


def test_patches_that_are_not_there(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    pixels.method = "patch-prior"
    with pytest.raises(FailedPrecondition, match="no patches of photographs: `python -m dgnam_models.patches"):
        translate.pixels(pixels, tiny, Settings())
    pixels.options.update(patch_weight=0.0, end_patch_weight=0.0)
    translate.pixels(pixels, tiny, Settings())


def test_an_unknown_method(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    pixels.method = "pyramids"
    with pytest.raises(NotFound, match="did you mean pyramid"):
        translate.pixels(pixels, tiny, Settings())


def test_defaults(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    spec = translate.pixels(pixels, tiny, Settings())
    assert (spec.method, spec.prior, spec.size, spec.seed, spec.variants, spec.strict) == ("pyramid", "", (32, 32), 0, 1, False)
    assert set(spec.settings) == {option.name for option in METHODS["pyramid"].options}
    assert spec.settings["laplacian_weight"] == spec.settings["end_laplacian_weight"] > 0
    assert translate.pixels(pixels, tiny, Settings(max_steps=50)).steps == 50
    pixels.options["tv_weight"] = 0.5
    assert translate.pixels(pixels, tiny, Settings()).settings["end_tv_weight"] == 0.5, "it goes nowhere unless told"


def test_everything_set(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (80, 50), "red").save(stream, "PNG")
    assign(height=40, width=48, seed=9, variants=2, preview_interval=3, determinism=DETERMINISM_STRICT, start_image=stream.getvalue())(
        pixels
    )
    spec = translate.pixels(pixels, tiny, Settings())
    assert (spec.size, spec.seed, spec.variants, spec.preview_interval, spec.strict) == ((40, 48), 9, 2, 3, True)
    assert spec.start.image is not None
    assert spec.start.image.shape == (40, 48, 3)


def test_memory_is_known_before(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    pixels.height = pixels.width = 512
    translate.pixels(pixels, tiny, Settings())
    with pytest.raises(InvalidRequest, match="needs about .* MiB; a batch here has 16"):
        translate.pixels(pixels, tiny, Settings(max_batch_mib=16))
    one = memory.row_bytes([tiny.networks["tiny"]], (64, 64))
    assert memory.row_bytes([tiny.networks["tiny"]] * 3, (64, 64)) == one, "one network runs once, whatever is read off it"
    assert one < memory.row_bytes(tiny.networks.values(), (64, 64)) < memory.row_bytes(tiny.networks.values(), (128, 64))


def test_the_recipe_replays_to_the_same_specification(pixels: SynthesizePixelsRequest, tiny: Catalog) -> None:
    pixels.method, pixels.seed, pixels.variants, pixels.preview_interval = "tv", 40, 3, 2
    pixels.options["steps"] = 7
    spec = translate.pixels(pixels, tiny, Settings())
    picture = np.zeros((32, 32, 3), np.float32)
    result = SynthesisResult(picture, picture.ravel(), np.zeros((7, 1), np.float32), 0.0, np.zeros(1), Ending.STEPS_DONE)
    message = Answer(pixels, spec, tiny, Provenance({}, "a test", "float32")).message(Finished(2, result))
    recipe = message.result.recipe
    assert not recipe.HasField("request")
    assert set(recipe.model_digests) == {"tiny"}
    assert not recipe.pixels.HasField("preview_interval")
    again = translate.pixels(recipe.pixels, tiny, Settings())
    assert again == replace(spec, seed=42, variants=1, preview_interval=0, start=again.start)


def test_methods_tell_which_call_takes_them() -> None:
    listed = messages.methods("a prior", max_steps=50)
    assert listed.default_pixel_method == "pyramid"
    spaces = {method.name: method.space for method in listed.methods}
    assert spaces["dgn-am"] == 1
    assert {spaces[method.name] for method in PIXEL_METHODS} == {2}
    levels = next(option for method in listed.methods if method.name == "pyramid" for option in method.options if option.name == "levels")
    assert levels.whole
