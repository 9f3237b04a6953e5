"""Trials: no photograph in two places, the outermost are queries."""

import pytest
import torch
from dgnam_models.lab.interpretability import trials


def test_queries_are_the_extremes_and_nothing_is_shown_twice() -> None:
    activation = torch.randn(100, generator=torch.Generator().manual_seed(0))
    found = trials.of_unit(activation, 3, seed=0)
    assert found.queries.shape == (3, 2) and found.maximizing.shape == found.minimizing.shape == (3, 9)
    shown = torch.cat([found.queries, found.maximizing, found.minimizing], 1).flatten()
    assert len(shown.unique()) == trials.needed(3) == 60
    order = activation.argsort(descending=True)
    assert set(found.queries[:, 0].tolist()) == set(order[:3].tolist())
    assert set(found.queries[:, 1].tolist()) == set(order[-3:].tolist())
    assert set(found.maximizing.flatten().tolist()) == set(order[3:30].tolist())


def test_each_trial_has_one_reference_of_every_bin() -> None:
    found = trials.of_unit(torch.arange(100.0), 5, seed=1)
    bins = (99 - found.maximizing) // 5
    assert bins.tolist() == [list(range(1, 10))] * 5
    assert not torch.equal(found.maximizing, trials.of_unit(torch.arange(100.0), 5, seed=2).maximizing)


def test_too_few_photographs() -> None:
    with pytest.raises(AssertionError, match="39 photographs are fewer than 40"):
        trials.of_unit(torch.arange(39.0), 2, seed=0)
