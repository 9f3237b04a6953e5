"""Options: held to their ranges by name, with every method; unknown ones told apart; what a method needs of the server."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from dgnam_models.patches import PatchSet
from dgnam_proto.v1.synthesis_pb2 import Hole, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import space
from dgnam_server.rpc.errors import FailedPrecondition, InvalidRequest, Reason
from dgnam_server.rpc.space import Request
from dgnam_server.synth.methods import METHODS, Method
from PIL import Image

Read = Callable[..., Any]


def png(width: int, height: int, hole: bool = False) -> bytes:
    picture, stream = Image.new("RGB", (width, height)), io.BytesIO()
    if hole:
        picture.paste("white", (10, 10, 20, 20))
    picture.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(params=METHODS.values(), ids=METHODS)
def method(request: pytest.FixtureRequest) -> Method:
    return request.param  # type: ignore[no-any-return]


def test_every_option_is_held_to_its_range(
    request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read, method: Method
) -> None:
    tiny = replace(tiny, patches=PatchSet(torch.zeros(40, 192)))
    asked: Request = request_ if space.of(method) is space.CODE else pixels
    asked.method = method.name
    asked.hole.CopyFrom(Hole(photo=png(40, 30), mask=png(40, 30, hole=True)))  # without one there is nothing to hold
    for option in method.options:
        if option.name == "start_redraws":
            asked.options["start_draws"] = 1  # without any there is no direction to draw in
        for value in (option.minimum, option.maximum):
            asked.options[option.name] = value
            assert read(asked, tiny).settings[option.name] == value
        beyond = [option.minimum - 1, option.maximum * 1.01 + 1, float("nan"), float("inf")]
        for value in beyond + [option.minimum + 0.5] * option.integer:
            asked.options[option.name] = value
            with pytest.raises(InvalidRequest, match=rf"^options\.{option.name}: \S+ is not (an integer )?between"):
                read(asked, tiny)
        del asked.options[option.name]


CASES = [
    ("request_", "dgn-am", "langevin_noise", "dgn-am has no such option; ppgn has it"),
    ("request_", "ppgn", "decay", "ppgn has no such option; dgn-am, dgn-am-covariance, pyramid, "),
    ("pixels", "pyramid", "bound_multiplier", "pyramid has no such option; dgn-am, dgn-am-covariance, ppgn, diffusion have it"),
    ("pixels", "pyramid", "tv_wieght", "pyramid has no option 'tv_wieght'; did you mean tv_weight"),
    ("pixels", "pyramid", "zzzzzz", "pyramid has no option 'zzzzzz'; there are steps, start_learning_rate, "),
]


@pytest.mark.parametrize(("kind", "method", "name", "says"), CASES, ids=[case[2] for case in CASES])
def test_unknown(kind: str, method: str, name: str, says: str, violations: Any, request: pytest.FixtureRequest) -> None:
    asked = request.getfixturevalue(kind)
    asked.method = method
    asked.options[name] = 1.0
    told = violations(asked)
    assert set(told) == {f"options.{name}"}
    assert told[f"options.{name}"].startswith(says)


def test_of_many_unknown_options_the_first_few_are_told(request_: SynthesizeRequest, violations: Any) -> None:
    request_.options.update({f"nothing{i:05}": 1.0 for i in range(200)})
    told = violations(request_)
    assert len(told) == 9
    assert told["options"] == "dgn-am does not have 192 more of the options given"
    request_.options.update({f"nothing{i:05}": 1.0 for i in range(20_000)})
    assert violations(request_) == {"options": "20000 options are more than 256"}


def test_numbers_are_shown_in_full(pixels: SynthesizePixelsRequest, violations: Any) -> None:
    pixels.options.update(steps=10.5, momentum=2, levels=float("nan"))
    assert violations(pixels) == {
        "options.steps": "10.5 is not an integer between 1 and 2000",
        "options.momentum": "2 is not between 0 and 0.999",
        "options.levels": "nan is not an integer between 1 and 12",
    }


def test_defaults(request_: SynthesizeRequest, pixels: SynthesizePixelsRequest, tiny: Catalog, read: Read) -> None:
    code = tiny.generators["tiny-prior"].card.code
    assert code is not None
    settings = read(request_).settings
    assert (settings["decay"], settings["start_learning_rate"]) == (0.01, code.start_learning_rate)
    settings = read(pixels).settings
    assert settings["laplacian_weight"] == settings["end_laplacian_weight"] > 0
    pixels.options["tv_weight"] = 0.5
    assert read(pixels).settings["end_tv_weight"] == 0.5, "it goes nowhere unless told"


def test_patches_that_are_not_there(pixels: SynthesizePixelsRequest, read: Read) -> None:
    pixels.method = "patch-prior"
    with pytest.raises(FailedPrecondition, match="options.patch_weight: this server has no patches of photographs; make them") as caught:
        read(pixels)
    assert caught.value.reason is Reason.NO_PATCHES
    pixels.options.update(patch_weight=0.0, end_patch_weight=0.0)
    read(pixels)


@pytest.mark.parametrize(("change", "reason"), [("encoder", Reason.NO_ENCODER), ("denoiser", Reason.NO_DENOISER)])
def test_a_prior_that_lacks_what_the_method_needs(
    request_: SynthesizeRequest, tiny: Catalog, read: Read, monkeypatch: pytest.MonkeyPatch, change: str, reason: Reason
) -> None:
    prior = tiny.generators["tiny-prior"]
    if change == "encoder":
        assert prior.card.code is not None
        monkeypatch.setattr(prior, "card", replace(prior.card, code=replace(prior.card.code, encoder="")))
    else:
        monkeypatch.setattr(type(prior), "denoiser", None)
    read(request_)
    request_.method = "ppgn" if change == "encoder" else "diffusion"
    with pytest.raises(
        FailedPrecondition, match=r"^method: .* (choose another prior|no prior here has one|choose another prior: .*)$"
    ) as caught:
        read(request_)
    assert caught.value.reason is reason
