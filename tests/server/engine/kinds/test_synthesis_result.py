"""What a synthesis ends with: nothing wrong is told as if it were right, and nobody else notices."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from dgnam_models import Network, Preprocessing
from dgnam_server.catalog import Catalog
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.events import Failed, Failure, Finished
from dgnam_server.engine.kinds.synthesis_result import Ending, SynthesisResult
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.spec import Balance, Fit, Readout, SynthesisSpec, Term, Unit
from tiny_problems import spec_for
from torch import Tensor, nn

SILENT: dict[str, Callable[[Tensor], Tensor]] = {
    "a dead unit": lambda x: (x - 100).relu(),
    "a saturated sigmoid": lambda x: (100 * x - 10_000).sigmoid(),
    "a saturated softmax": lambda x: (1000 * torch.stack([x[:, 0], x[:, 0] + 10], 1)).softmax(1),
    "round": lambda x: (5 * x).round(),
    "sign": lambda x: x.sign(),
}
METHODS_TRIED = ("dgn-am", "diffusion", "ppgn", "pyramid", "tv", "lucid", "maco")


class Odd(nn.Module):
    """A plain layer, and a function of its two units."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.function, self.odd = nn.Conv2d(3, 2, 3, padding=1), function, nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.odd(self.function(self.conv(x).mean((2, 3))))


def of(catalog: Catalog, function: Callable[[Tensor], Tensor]) -> Builder:
    """A builder that knows it, though the gate would not let it in: one unit among many may be like that in a network that passes."""
    network = Network.of(Odd(lambda x: x), "odd", Preprocessing((32, 32)), ["conv", "odd"], output="odd")
    odd = network.module.module
    assert isinstance(odd, Odd)
    odd.function = function
    return Builder(replace(catalog, networks={**catalog.networks, "odd": network}), torch.device("cpu"))


def draw(builder: Builder, *specs: SynthesisSpec) -> list[SynthesisResult | Failed]:
    """What rows of one lane end with, in the order of the specs."""
    works = [builder.synthesis(spec) for spec in specs]
    assert len({work.key for work in works}) == 1
    lane, found = works[0].open(), {}
    for job, work in enumerate(works):
        lane.join(job, work, 0)
    while len(lane):
        for job, event in lane.step(tell=True):
            if isinstance(event, Finished | Failed):
                found[job] = event.value if isinstance(event, Finished) else event
    return [found[job] for job in range(len(specs))]


@pytest.mark.parametrize("name", METHODS_TRIED)
@pytest.mark.parametrize("silent", SILENT)
def test_a_target_without_a_gradient_is_told_for_every_method(tiny: Catalog, silent: str, name: str) -> None:
    method = METHODS[name]
    spec = spec_for(method, ("odd", "odd", 1), steps=5)
    spec = replace(spec, terms=(replace(spec.terms[0], readout=Readout.ACTIVATION),))
    (result,) = draw(of(tiny, SILENT[silent]), spec)
    assert isinstance(result, SynthesisResult)
    assert (result.ending, result.gradient_steps) == (Ending.NO_GRADIENT, 0)
    assert len(result.history) == 5 or name != "diffusion", "it samples on, unguided"


@pytest.mark.parametrize("balance", Balance)
@pytest.mark.parametrize("name", ["dgn-am", "pyramid"])
def test_a_silent_term_among_others_is_told(tiny: Catalog, name: str, balance: Balance) -> None:
    """Unit 1 is dead. It stays so beside a row of other terms, whose own are not called silent."""
    builder = of(tiny, lambda x: torch.stack([x[:, 0], (x[:, 1] - 100).relu()], 1))
    pair = replace(spec_for(METHODS[name], ("odd", "odd", 0), ("odd", "odd", 1), steps=3, redirected_relu_steps=0), balance=balance)
    other = replace(spec_for(METHODS[name], ("odd", "odd", 0), ("odd", "odd", 0), steps=3, redirected_relu_steps=0), balance=balance)
    alone = replace(spec_for(METHODS[name], ("odd", "odd", 0), steps=3, redirected_relu_steps=0), balance=balance)
    found = draw(builder, pair, other, alone)
    assert [result.silent_terms for result in found if isinstance(result, SynthesisResult)] == [(1,), (), ()]
    assert all(isinstance(result, SynthesisResult) and result.ending is Ending.STEPS_DONE for result in found)


def test_a_term_that_wakes_on_the_way_is_not_called_silent(tiny: Catalog) -> None:
    """It is a limit that the other term reaches by itself."""
    spec = spec_for(METHODS["dgn-am"], ("odd", "odd", 0), steps=30, start_learning_rate=5.0)
    (free,) = draw(of(tiny, lambda x: x), spec)
    assert isinstance(free, SynthesisResult)
    limit = float(free.history.min() + free.history.max()) / 2
    woken = of(tiny, lambda x: torch.stack([x[:, 0], (x[:, 0] - limit).relu()], 1))
    (result,) = draw(woken, replace(spec, terms=(*spec.terms, Term(Unit("odd", "odd", 1)))))
    assert isinstance(result, SynthesisResult) and result.history[0, 1] == 0 < result.history[-1, 1]
    assert result.silent_terms == ()


def test_what_has_a_gradient_ends_as_ever(tiny: Catalog) -> None:
    for name in ("dgn-am", "pyramid"):
        (result,) = draw(of(tiny, Tensor.tanh), spec_for(METHODS[name], ("odd", "odd", 1), steps=5))
        assert isinstance(result, SynthesisResult)
        assert (result.ending, result.gradient_steps) == (Ending.STEPS_DONE, 5)


def test_a_gradient_that_vanishes_on_the_way_is_another_ending(tiny: Catalog) -> None:
    """The unit rises into its limit, where it has no slope."""
    spec = spec_for(METHODS["dgn-am"], ("odd", "odd", 0), steps=30, start_learning_rate=5.0)
    free, _ = draw(of(tiny, lambda x: x), spec, spec)
    assert isinstance(free, SynthesisResult)
    limit = float(free.history.min() + free.history.max()) / 2
    (result,) = draw(of(tiny, lambda x: x.clamp(max=limit)), spec)
    assert isinstance(result, SynthesisResult)
    assert result.ending is Ending.ZERO_GRADIENT
    assert 0 < result.gradient_steps < len(result.history) == result.gradient_steps + 1


DIRECTION = np.full(2, 3e38, np.float32)
WRONG = {
    "not a number": (lambda x: x * float("nan"), {}, "target.terms[0] is nan at step 1"),
    "infinite": (lambda x: x / 0, {}, "target.terms[0] is "),
    "a weight too large": (lambda x: 10 + x, {"weight": 3e38}, "the weighted sum of the activations is not finite: give"),
    "a direction too large": (
        lambda x: 10 + x,
        {"readout": Readout.DIRECTION, "vector": DIRECTION},
        "target.terms[0] is inf at step 1",
    ),
    "a gradient that is not a number": (lambda x: (x * 0).abs().sqrt(), {}, "the gradient was not finite at any step"),
}


@pytest.mark.parametrize("name", ["dgn-am", "diffusion", "pyramid", "lucid"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_finite_is_an_error_and_stays_with_its_own_row(tiny: Catalog, wrong: str, name: str) -> None:
    function, how, says = WRONG[wrong]
    good = replace(spec_for(METHODS[name], ("odd", "conv", 1), seed=1, steps=4), balance=Balance.NONE)
    bad = replace(good, terms=(Term(Unit("odd", "odd", 1), **how),))
    both = replace(good, terms=(Term(Unit("odd", "conv", 1)), Term(Unit("odd", "conv", 0))))
    builder = of(tiny, function)
    (failed,) = draw(builder, bad)
    assert isinstance(failed, Failed) and failed.failure is Failure.NUMERIC
    assert failed.message.startswith(says)
    weighty = replace(good, terms=(replace(good.terms[0], weight=3e38, readout=Readout.ACTIVATION),))
    beside, alone = draw(builder, both, weighty, good)[::2], draw(builder, both)
    assert isinstance(beside[0], SynthesisResult) and isinstance(alone[0], SynthesisResult)
    np.testing.assert_allclose(beside[0].image, alone[0].image, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(32, 32), (70, 50), (16, 16)])
def test_a_priors_picture_comes_in_the_size_asked_for(tiny: Catalog, size: tuple[int, int]) -> None:
    builder = of(tiny, lambda x: x)
    spec = replace(spec_for(METHODS["dgn-am"], ("tiny", "fc8", 1), steps=3), preview_interval=1)
    small, sized = draw(builder, spec, replace(spec, size=size))
    assert isinstance(small, SynthesisResult) and isinstance(sized, SynthesisResult)
    assert sized.image.shape == (*size, 3) and small.image.shape == (32, 32, 3)
    assert np.array_equal(sized.code, small.code) and sized.activation == small.activation
    assert sized.image.mean() == pytest.approx(small.image.mean(), abs=0.02), "the same picture, scaled"


def test_fit_says_what_a_network_sees_of_a_larger_picture(tiny: Catalog) -> None:
    spec = replace(spec_for(METHODS["tv"], ("tiny", "fc8", 1), steps=2, shift_px=0, crop=0), size=(48, 48))
    builder = of(tiny, lambda x: x)
    for fit, seen in ((Fit.CROP, np.s_[8:40, 8:40]), (Fit.RESIZE, np.s_[:, :])):
        (result,) = draw(builder, replace(spec, fit=fit))
        assert isinstance(result, SynthesisResult)
        image = torch.from_numpy(result.image[seen].copy()).permute(2, 0, 1)[None]
        image = nn.functional.interpolate(image, (32, 32), mode="bilinear", antialias=True) if fit is Fit.RESIZE else image
        assert result.activation == pytest.approx(float(tiny.networks["tiny"].logits(image)[0, 1]), rel=1e-4)


def test_pictures_of_pixels_have_an_alpha(builder: Builder) -> None:
    (pixels,) = draw(builder, spec_for(METHODS["pyramid"], ("tiny", "fc8", 1), steps=3))
    assert isinstance(pixels, SynthesisResult) and pixels.alpha is not None
    assert pixels.alpha.shape == pixels.image.shape[:2] and pixels.alpha.max() == 1 and pixels.alpha.min() >= 0
    (drawn,) = draw(builder, spec_for(METHODS["dgn-am"], ("tiny", "fc8", 1), steps=3))
    assert isinstance(drawn, SynthesisResult) and drawn.alpha is None
