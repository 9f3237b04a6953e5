"""Draws are judged as the whole target says, and seeds start from different ones."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from dgnam_models.code_prior import CHUNK, CodePrior
from dgnam_server.catalog import Catalog
from dgnam_server.synth import ascent, draws
from dgnam_server.synth.draws import Drawn, Judge, Place, Ranking
from dgnam_server.synth.methods import METHODS
from dgnam_server.synth.objectives import weighted_sum
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.rows import concat
from dgnam_server.synth.spec import Balance, Readout, SynthesisSpec, Term, Unit
from tiny_problems import problem_for, spec_for

DGN_AM = METHODS["dgn-am"]
CODES = torch.randn(CHUNK, 24, generator=torch.Generator().manual_seed(5)).abs()
TERMS = {
    "a class": (Term(Unit("tiny", "fc8", 1)),),
    "a pair of two networks": (Term(Unit("tiny", "fc8", 1), 0.5), Term(Unit("tiny-res", "fc", 3), 2.0)),
    "a map and places in it": (
        Term(Unit("tiny", "conv3", 2)),
        Term(Unit("tiny", "conv3", 2, (1, 1))),
        Term(Unit("tiny", "conv3", 4, (0, 1))),
    ),
    "probabilities": (Term(Unit("tiny", "fc8", 1), readout=Readout.LOG_PROBABILITY), Term(Unit("tiny", "fc8", 2), -1.0)),
    "a direction": (Term(Unit("tiny", "conv3", 0), readout=Readout.DIRECTION, vector=np.arange(8, dtype=np.float32)),),
    "a picture's features": (Term(Unit("tiny", "conv3", 0), readout=Readout.FEATURES, pictures=np.full((1, 32, 32, 3), 0.3, np.float32)),),
}


def spec_of(terms: tuple[Term, ...], balance: Balance = Balance.NONE) -> SynthesisSpec:
    return replace(spec_for(DGN_AM, ("tiny", "fc8", 1)), terms=terms, balance=balance)


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_terms_are_those_of_an_ascents_first_step(tiny: Catalog, terms: tuple[Term, ...]) -> None:
    spec = spec_of(terms)
    problem = problem_for(tiny, DGN_AM, spec)
    judge = Judge(problem, spec)
    found = judge.terms(draws.look(problem, CODES, judge.places))
    rows = concat([ascent.init(problem, spec, 0, code[None]) for code in CODES])
    _, seen = ascent.step(problem, rows)
    torch.testing.assert_close(found, seen.activation, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(judge.values(found), weighted_sum(seen.activation, rows), rtol=1e-4, atol=1e-5)


def test_units_of_a_tap_share_what_is_known_and_places_in_a_map_do_not() -> None:
    first, second, mean = (Term(Unit("tiny", "conv3", *at)) for at in ((2, (1, 1)), (5, (1, 1)), (2,)))
    assert draws.place_of(first) == draws.place_of(second) != draws.place_of(mean)
    assert draws.place_of(replace(mean, readout=Readout.DIRECTION)) == draws.place_of(mean)
    assert draws.place_of(replace(mean, readout=Readout.FEATURES)) == Place(("tiny", "conv3"), whole=True)


def test_only_networks_that_are_asked_look(tiny: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(TERMS["a pair of two networks"])
    problem = problem_for(tiny, DGN_AM, spec)
    place = draws.place_of(spec.terms[0])
    monkeypatch.setattr(tiny.networks["tiny-res"], "own_activations", lambda *_: pytest.fail("it was not asked"))
    assert draws.look(problem, CODES, [place])[place].shape == (CHUNK, 7)


def test_a_balance_counts_in_the_ranking(tiny: Catalog) -> None:
    activation = torch.tensor([[1000.0, 1.0], [2000.0, 0.0], [0.0, 2.0]])
    terms = (Term(Unit("tiny", "fc8", 1)), Term(Unit("tiny", "fc8", 2), 3.0))

    def values(balance: Balance) -> torch.Tensor:
        spec = spec_of(terms, balance)
        return Judge(problem_for(tiny, DGN_AM, spec), spec).values(activation)

    assert values(Balance.NONE).tolist() == [1003.0, 2000.0, 6.0]
    torch.testing.assert_close(values(Balance.GRADIENT_NORM), torch.tensor([0.0, -2.0, 2.0]) * 1.5**0.5, rtol=1e-5, atol=1e-5)
    assert values(Balance.EQUAL_ACTIVATION).tolist() == [1003 - 498.5**2, 2000 - 1000.0**2, 6 - 9.0]


def ranking_of(values: list[float], centres: list[int] | None) -> Ranking:
    class Known:
        is_mixture = centres is not None

        def centres_of(self, count: int, seed: int) -> np.ndarray:
            return np.array(centres[:count] if seed == 0 else centres[-count:])

    numbers, prior = np.array(values), cast(CodePrior, Known())
    return Ranking([Drawn(prior, 3), Drawn(prior, len(values) - 3, seed=1)], numbers, numbers)


def test_seeds_start_from_the_best_about_each_centre() -> None:
    ranking = ranking_of([1.0, 9.0, 8.0, float("nan"), 7.0, 8.0], [0, 2, 2, 1, 0, 3])
    assert ranking.order.tolist() == [1, 2, 5, 4, 0, 3]
    assert [ranking.rank(seed) for seed in range(4)] == [0, 2, 3, 5], "draws 1, 5, 4 and 3"
    assert ranking.rank(4) == ranking.rank(2**62) == 0


def test_without_centres_every_draw_is_a_start() -> None:
    ranking = ranking_of([1.0, 3.0, 2.0], None)
    assert [int(ranking.order[ranking.rank(seed)]) for seed in range(4)] == [1, 2, 0, 1]


def test_a_ranks_code_is_the_draws(tiny: Catalog) -> None:
    prior = GeneratorPrior(tiny.generators["tiny-prior"]).code_prior
    drawn = prior.draw(CHUNK + 3)
    values = np.zeros(CHUNK + 3 + 40)
    values[CHUNK + 1], values[CHUNK + 3 + 35] = 2, 1
    ranking = Ranking([Drawn(prior, CHUNK + 3), Drawn(prior, 40, seed=1)], values, values)
    assert torch.equal(ranking.code(0), drawn[CHUNK + 1, None])
    assert torch.equal(ranking.code(1), prior.draw(40, seed=1)[35, None])


def test_a_percentile_is_one_among_the_first_draws_alone() -> None:
    assert ranking_of([1.0, 2.0, 3.0, 8.0, 9.0], None).percentile(5.0) == 100


def mixture() -> CodePrior:
    centres = torch.tensor([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    far = torch.full((3,), 1e6)
    return CodePrior(torch.zeros(3), -far, far, torch.eye(3), torch.ones(3), centres, np.array([0.5, 0.5]), torch.eye(3))


def test_draws_towards_a_target_are_liked_as_much_as_one_in_a_thousand() -> None:
    prior, slope = mixture(), torch.tensor([1.0, -2.0, 0.0])
    values = torch.cat([prior.latents(number) for number in range(64)]) @ slope
    values[::7] = float("nan")
    again = draws.towards(prior, values[:-5])
    assert again.condition is not None
    torch.testing.assert_close(again.condition.slope, slope, rtol=0, atol=0.1)
    many = (torch.cat([prior.latents(number, seed=1) for number in range(8000)]) @ slope).sort().values
    thousandth = len(many) // 1000
    assert many[-2 * thousandth] < again.draw(50).mul(slope).sum(1).mean() < many[-thousandth // 2]


def test_of_values_that_say_nothing_the_draws_are_as_before() -> None:
    prior = mixture()
    for values in (torch.full((40,), 3.0), torch.full((40,), float("nan")), torch.ones(1)):
        assert draws.towards(prior, values) is prior
