"""The objectives that match a picture, on real networks, with and without a prior."""

from dataclasses import replace

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models.preprocess import resize
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM, METHODS, Method
from dgnam_server.synth.priors import PixelPrior
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, Readout, SynthesisSpec, Term, Unit
from tiny_problems import problem_for, spec_for

INVERSION = METHODS["inversion"]
OF_ONE = [Readout.FEATURES, Readout.FEATURE_MAP, Readout.RANDOM_MAPS, Readout.CHANNEL_SUMS, Readout.GRAM]
OF_SEVERAL = [Readout.SORTED_MAPS, Readout.FEATURE_SIMILARITY, Readout.GRAM_SIMILARITY]
OF_PICTURES = [*OF_ONE, *OF_SEVERAL]
PHOTOGRAPH = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)


def matching(readout: Readout, tap: str = "res3a") -> Term:
    return Term(Unit("tiny-res", tap, 1), readout=readout, pictures=PHOTOGRAPH[None])


def spec(method: Method, *terms: Term, **given: float) -> SynthesisSpec:
    return replace(spec_for(method, ("tiny-res", "res3a", 0), **given), terms=terms)


@pytest.mark.parametrize("tap", ["conv1", "res3a"])
@pytest.mark.parametrize("readout", [Readout.FEATURES, Readout.CHANNEL_SUMS, Readout.GRAM, Readout.SORTED_MAPS])
def test_the_picture_itself_matches_itself(tiny: Catalog, readout: Readout, tap: str) -> None:
    asked = spec(INVERSION, matching(readout, tap))
    problem = problem_for(tiny, INVERSION, asked)
    start = problem.prior.encode(torch.from_numpy(PHOTOGRAPH).permute(2, 0, 1)[None])
    _, seen = ascent.step(problem, ascent.init(problem, asked, 0, start))
    assert seen.activation[0, 0].abs() < 1e-9


@pytest.mark.parametrize("readout", OF_PICTURES)
def test_a_picture_comes_nearer(tiny: Catalog, readout: Readout) -> None:
    asked = spec(INVERSION, matching(readout), steps=20)
    problem = problem_for(tiny, INVERSION, asked)
    history = ascent.run(problem, ascent.init(problem, asked, 0))[0].history[0, :, 0]
    assert history[-1] > 0.8 * history[0]


@pytest.mark.parametrize("method", [DGN_AM, INVERSION], ids=lambda method: method.name)
def test_they_share_a_batch_without_changing_each_other(tiny: Catalog, method: Method) -> None:
    terms = [matching(readout) for readout in OF_PICTURES]
    specs = [
        spec(method, Term(Unit("tiny-res", "res3a", 2)), seed=1, steps=4),
        spec(method, *terms[:3], seed=2, steps=4),
        spec(method, terms[4], Term(Unit("tiny-res", "res3a", 0)), terms[3], seed=3, steps=4),
        spec(method, *terms[5:], seed=4, steps=4),
    ]
    mixed = problem_for(tiny, method, *specs)
    rows, seen = ascent.run(mixed, concat([ascent.init(mixed, each, 0) for each in specs]))
    for i, each in enumerate(specs):
        alone, alone_seen = ascent.run(mixed, ascent.init(mixed, each, 0))
        torch.testing.assert_close(seen.image[i], alone_seen.image[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(rows.history[i, :, : len(each.terms)], alone.history[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("readout", [Readout.FEATURE_SIMILARITY, Readout.GRAM_SIMILARITY])
def test_the_picture_itself_is_as_like_as_can_be(tiny: Catalog, readout: Readout) -> None:
    asked = spec(INVERSION, matching(readout))
    problem = problem_for(tiny, INVERSION, asked)
    start = problem.prior.encode(torch.from_numpy(PHOTOGRAPH).permute(2, 0, 1)[None])
    _, seen = ascent.step(problem, ascent.init(problem, asked, 0, start))
    assert seen.activation[0, 0] == pytest.approx(1, abs=1e-5)


def test_exemplars_are_averaged_and_maps_weighed_by_a_unit_behind(tiny: Catalog) -> None:
    both = np.stack([PHOTOGRAPH, PHOTOGRAPH[::-1, ::-1] ** 2])
    plain = replace(matching(Readout.SORTED_MAPS), pictures=both)
    weighed = replace(plain, relevant_to=Unit("tiny-res", "fc", 3))
    asked = spec(INVERSION, plain, weighed, *(replace(plain, pictures=each[None]) for each in both))
    problem = problem_for(tiny, INVERSION, asked)
    vector = ascent.init(problem, asked, 0).vector[0]
    maps = tiny.networks["tiny-res"].card.taps[[tap.name for tap in tiny.networks["tiny-res"].card.taps].index("res3a")].shape[0]
    torch.testing.assert_close(vector[0], (vector[2] + vector[3]) / 2)
    assert (vector[0, -maps:] == 1).all() and torch.equal(vector[1, :-maps], vector[0, :-maps])
    assert vector[1, -maps:].mean() == pytest.approx(1) and vector[1, -maps:].std() > 0.1


def test_variants_deal_out_the_maps_anew(tiny: Catalog) -> None:
    asked = spec(INVERSION, matching(Readout.RANDOM_MAPS))
    problem = problem_for(tiny, INVERSION, asked)
    first, second = (ascent.init(problem, asked, variant).vector for variant in range(2))
    assert not torch.allclose(first, second)
    assert torch.equal(ascent.init(problem, replace(asked, seed=asked.seed + 1), 0).vector, second), "a recipe draws the variant again"


def inverted(name: str, tap: str, steps: int) -> tuple[float, float]:
    """A picture from what a bundled network's tap keeps of a drawing: the relative error there, and the mean squared one of the pixels."""
    network = dgnam_models.load(name)
    assert isinstance(network, dgnam_models.Network)
    side = network.input_size[0]
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    disc = ((ramp[:, None] - 0.5) ** 2 + (ramp - 0.5) ** 2 < 0.1) * 1.0
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], disc), 2).astype(np.float32)
    settings = INVERSION.settings({"steps": steps})
    term = Term(Unit(name, tap, 0), readout=Readout.FEATURES, pictures=picture[None])
    asked = SynthesisSpec((term,), Balance.NONE, "", INVERSION.name, settings, 0, size=(side, side))
    prior = PixelPrior(asked.size, torch.device("cpu"))
    problem = Problem(prior, (network,), ((name, tap),), Balance.NONE, INVERSION.structure(settings), resize)
    _, seen = ascent.run(problem, ascent.init(problem, asked, 0))
    pixels = (seen.image[0].permute(1, 2, 0) - torch.from_numpy(picture)).square().mean()
    return -float(seen.activation[0, 0]), float(pixels)


@pytest.mark.parametrize("name", ["alexnet64", "resnet64", "inception64"])
def test_the_first_layer_of_a_bundled_network_gives_its_picture_back(name: str) -> None:
    assert 0 <= inverted(name, "conv1", steps=60)[0] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name, card in dgnam_models.cards().items() if card.role == "classifier"))
def test_the_first_layer_of_every_bundled_network_does(name: str) -> None:
    assert 0 <= inverted(name, dgnam_models.cards()[name].taps[0].name, steps=100)[0] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "taps"), [("alexnet64", ["conv1", "conv3", "conv5", "fc8"]), ("resnet64", ["conv1", "res3a", "res4b", "fc"])]
)
def test_the_deeper_the_layer_the_less_of_the_picture_is_left(name: str, taps: list[str]) -> None:
    """As published (Mahendran & Vedaldi 2015, fig. 6; Dosovitskiy & Brox 2016, fig. 3): the pixels' error rises with depth."""
    errors = [inverted(name, tap, steps=100)[1] for tap in taps]
    assert errors == sorted(errors), errors
