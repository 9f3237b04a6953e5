"""`lucid` against torch-lucent, Lucid's port to PyTorch, on the same network.

pip install --no-deps torch-lucent==0.1.8
make test-all ARGS=tests/server/synth/methods/test_lucid.py
"""

from dataclasses import replace

import dgnam_models
import pytest
import torch
from dgnam_models import Network
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.parts import PARTS
from dgnam_server.synth.priors import FourierPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import resize
from torch import Tensor

pytestmark = pytest.mark.slow
SIZE = 64
STEPS = 80
UNITS = (0, 25, 50, 75)
LUCID = METHODS["lucid"]


@pytest.fixture
def param() -> object:
    return pytest.importorskip("lucent.optvis.param", reason="pip install --no-deps torch-lucent==0.1.8")


@pytest.fixture
def prior() -> FourierPrior:
    return FourierPrior((SIZE, SIZE), torch.device("cpu"))


def spectrum(images: Tensor) -> Tensor:
    return torch.fft.rfft2(images - images.mean((2, 3), keepdim=True)).abs().mean((0, 1))


def test_the_same_spectrum_draws_the_same_picture(param: object, prior: FourierPrior) -> None:
    (code,), draw = param.image(SIZE, batch=2)  # type: ignore[attr-defined]
    torch.testing.assert_close(prior.draw(code.detach().flatten(1)), draw().detach(), rtol=1e-4, atol=1e-5)


def test_starting_pictures_have_the_same_statistics(param: object, prior: FourierPrior) -> None:
    torch.manual_seed(0)
    theirs = param.image(SIZE, batch=64)[1]().detach()  # type: ignore[attr-defined]
    settings = LUCID.settings()
    ours = prior.draw(torch.cat([prior.random_code(seed, settings) for seed in range(64)]))
    torch.testing.assert_close(ours.std((0, 2, 3)), theirs.std((0, 2, 3)), rtol=0.05, atol=0)
    ratio = spectrum(ours) / spectrum(theirs).clamp(min=1e-9)
    assert ratio[1:, 1:].mean().item() == pytest.approx(1, abs=0.05)


def test_the_same_steps_give_comparable_activations(param: object, prior: FourierPrior) -> None:
    """Without transforms, whose random numbers differ."""
    network = dgnam_models.load("alexnet64")
    assert isinstance(network, Network)
    torch.manual_seed(0)
    codes, draw = param.image(SIZE, batch=len(UNITS))  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(codes, lr=0.05)
    for _ in range(STEPS):
        optimizer.zero_grad()
        theirs = network.logits(draw())[range(len(UNITS)), UNITS]
        (-theirs.sum()).backward()
        optimizer.step()
    still = dict.fromkeys((option.name for option in PARTS["random-view"].options), 0.0)
    settings = LUCID.settings({"steps": STEPS, **still})
    first = SynthesisSpec((), Balance.NONE, "", "lucid", settings, seed=0, size=(SIZE, SIZE))
    specs = [replace(first, terms=(Term(Unit(network.name, network.card.output_tap, unit)),), seed=unit) for unit in UNITS]
    problem = Problem(prior, (network,), ((network.name, network.card.output_tap),), Balance.NONE, LUCID.structure(settings), resize)
    _, seen = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))
    assert seen.activation.mean().item() == pytest.approx(theirs.mean().item(), rel=0.15)
