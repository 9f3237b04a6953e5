"""The code prior draws what its numbers say, the same for a seed, and falls back on what else is known of codes."""

from dataclasses import replace
from pathlib import Path

import dgnam_models
import numpy as np
import pytest
import torch
from dgnam_models import CardError, Generator, code_prior, pack
from dgnam_models.code_prior import CHUNK, CodePrior
from tiny_cards import PRIOR, prior_weights

FAR = torch.full((3,), 1e6)


def mixture(spread: torch.Tensor, lower: torch.Tensor = -FAR) -> CodePrior:
    """Two centres, the second three times as common, in the plane of a code's first two units."""
    centres, directions = torch.tensor([[0.0, 0.0], [50.0, 20.0]]), torch.eye(3)[:2]
    return CodePrior(torch.tensor([1.0, 2.0, 3.0]), lower, FAR, directions, torch.ones(2), centres, np.array([0.25, 0.75]), spread)


def test_draws_have_the_mixtures_centres_weights_and_covariance() -> None:
    spread = torch.tensor([[2.0, 0.0], [1.0, 0.5]])
    prior = mixture(spread)
    drawn, centre = prior.draw(8000), prior.centres_of(8000)
    assert drawn.shape == (8000, 3) and drawn.dtype == torch.float32
    assert (drawn[:, 2] == 3).all(), "nothing outside the directions"
    assert np.mean(centre == 1) == pytest.approx(0.75, abs=0.02)
    for number, place in enumerate(prior.centres):
        about = drawn[centre == number, :2] - prior.mean[:2] - place
        torch.testing.assert_close(about.mean(0), torch.zeros(2), rtol=0, atol=0.2)
        torch.testing.assert_close(about.T.cov(), spread @ spread.T, rtol=0.1, atol=0.1)


def test_fewer_draws_are_the_first_of_more_and_another_seed_gives_others() -> None:
    prior = mixture(torch.eye(2))
    many = prior.draw(2 * CHUNK + 5, seed=3)
    assert torch.equal(prior.draw(CHUNK + 1, seed=3), many[: CHUNK + 1])
    assert torch.equal(prior.chunk(1, seed=3), many[CHUNK : 2 * CHUNK])
    assert not torch.equal(prior.draw(5, seed=4), many[:5])
    assert not torch.equal(many[:5], many[CHUNK : CHUNK + 5]), "chunks differ"
    assert prior.draw(0).shape == (0, 3) and len(prior.centres_of(0)) == 0
    np.testing.assert_array_equal(prior.centres_of(CHUNK + 1, 3), prior.centres_of(2 * CHUNK, 3)[: CHUNK + 1])


def test_draws_stay_in_the_codes_range() -> None:
    lower = torch.tensor([2.0, 2.0, 2.0])
    drawn = replace(mixture(torch.eye(2), lower), upper=lower + 1).draw(200)
    assert (drawn >= 2).all() and (drawn <= 3).all()


@pytest.mark.parametrize("spread", [torch.tensor([[2.0, 0.0], [1.0, 0.5]]), torch.tensor([2.0, 0.5])], ids=["full", "diagonal"])
def test_draws_given_a_value_are_as_those_that_happen_to_have_it(spread: torch.Tensor) -> None:
    prior = replace(mixture(spread), centres=torch.tensor([[0.0, 0.0], [3.0, -2.0]]))
    slope = torch.tensor([1.0, 0.5])
    known = prior.given(slope, rarity=0.1)
    assert known.condition is not None
    plain, towards = (torch.cat([each.latents(number) for number in range(2000)]) for each in (prior, known))
    torch.testing.assert_close(towards @ slope, torch.full((len(towards),), known.condition.value), rtol=0, atol=1e-4)
    assert (plain @ slope > known.condition.value).float().mean().item() == pytest.approx(0.1, abs=0.01)
    near = plain[(plain @ slope - known.condition.value).abs() < 0.1]
    torch.testing.assert_close(towards.mean(0), near.mean(0), rtol=0, atol=0.15)
    torch.testing.assert_close(towards.std(0), near.std(0), rtol=0.1, atol=0)
    assert known.weights.sum() == pytest.approx(1)
    assert known.weights[1] / known.weights[0] > 3, "the centre that lies there is drawn about more often"


def test_a_rare_value_is_far_out_and_a_slope_of_nothing_changes_nothing() -> None:
    prior = replace(mixture(torch.eye(2)), centres=torch.zeros(2, 2))
    known = prior.given(torch.tensor([0.0, 2.0]), rarity=1e-6)
    assert known.condition is not None and known.condition.value == pytest.approx(2 * 4.7534, rel=1e-4), "of a normal distribution"
    assert prior.given(torch.zeros(2), rarity=0.5) is prior


def test_a_whitened_step_of_length_one_is_one_of_mahalanobis_length_one() -> None:
    prior = replace(mixture(torch.eye(2)), scale=torch.tensor([2.0, 0.5]))
    gradient = torch.tensor([[3.0, 8.0, 7.0]])
    whitened = prior.whitened(gradient)
    assert whitened.tolist() == [[6.0, 4.0]]
    step = prior.coloured(whitened)
    assert step.tolist() == [[12.0, 2.0, 0.0]], "C g with C = diag(4, 1/4, 0)"
    assert (step[0, :2] / prior.scale).norm() == whitened.norm()


def stored(folder: Path, **tensors: torch.Tensor) -> Generator:
    pack.write(folder, PRIOR, {**prior_weights(), **{f"code.{name}": value.half() for name, value in tensors.items()}})
    prior = dgnam_models.load("prior", packs=[folder])
    assert isinstance(prior, Generator)
    return prior


COMPONENTS = {"components": torch.eye(4)[:2], "variances": torch.tensor([4.0, 0.25])}
CENTRES = {"centres": torch.zeros(3, 2), "weights": torch.tensor([0.5, 0.25, 0.25]), "spread": torch.eye(2)}


def test_the_best_that_is_known_of_a_priors_codes_is_taken(tmp_path: Path) -> None:
    full = code_prior.of(stored(tmp_path / "full", **COMPONENTS, **CENTRES))
    assert full.is_mixture and full.weights.tolist() == [0.5, 0.25, 0.25] and full.scale.tolist() == [2.0, 0.5]
    plain = code_prior.of(stored(tmp_path / "components", **COMPONENTS))
    assert not plain.is_mixture and plain.directions is not None
    far = replace(plain, lower=torch.full((4,), -99.0), upper=torch.full((4,), 99.0)).draw(4000)
    torch.testing.assert_close(far.std(0), torch.tensor([2.0, 0.5, 0.0, 0.0]), rtol=0.05, atol=1e-6)
    bare = code_prior.of(stored(tmp_path / "bare"))
    drawn = replace(bare, lower=torch.full((4,), -99.0), upper=torch.full((4,), 99.0)).draw(4000)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 2.0, 3.0, 4.0]), rtol=0.05, atol=0)
    assert (bare.draw(100) >= 0).all() and (bare.draw(100) <= bare.mean + 3 * torch.tensor([1.0, 2.0, 3.0, 4.0])).all()


def test_a_denoisers_components_are_taken_where_there_are_no_others(tiny_pack: Path) -> None:
    prior = dgnam_models.load("tiny-prior", packs=[tiny_pack])
    assert isinstance(prior, Generator) and prior.denoiser is not None
    found = code_prior.of(prior)
    latent = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    assert found.directions is not None
    torch.testing.assert_close(found.coloured(latent), latent @ prior.denoiser.basis)
    torch.testing.assert_close(found.mean, prior.denoiser.mean)


WRONG = {
    "code.spread is missing": {**COMPONENTS, "centres": torch.zeros(3, 2), "weights": torch.ones(3)},
    r"code.centres has the shape \(3, 3\); it must be \(3, 2\)": {**COMPONENTS, **CENTRES, "centres": torch.zeros(3, 3)},
    r"code.components has the shape \(2, 5\); it must be \(2, 4\)": {**COMPONENTS, "components": torch.eye(5)[:2]},
}


@pytest.mark.parametrize("says", WRONG)
def test_half_a_mixture_is_refused(says: str, tmp_path: Path) -> None:
    with pytest.raises(CardError, match=says):
        stored(tmp_path, **WRONG[says])
