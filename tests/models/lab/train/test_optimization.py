"""The learning rate over a run."""

import pytest
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.optimization import learning_rate


def rate(step: int, constant_share: float) -> float:
    recipe = Recipe("a", "classifier", "", "alexnet", steps=110, learning_rate=2.0, warmup_steps=10, constant_share=constant_share)
    return learning_rate(recipe, step)


def test_after_the_warm_up_it_is_constant_for_its_share_and_then_falls_to_0() -> None:
    assert [rate(step, 0.8) for step in (0, 4, 9)] == pytest.approx([0.2, 1.0, 2.0])
    assert {rate(step, 0.8) for step in range(10, 91)} == {2.0}
    assert [rate(step, 0.8) for step in (100, 110)] == pytest.approx([1.0, 0.0])


def test_without_a_share_it_falls_at_once() -> None:
    assert rate(60, 0.0) == pytest.approx(1.0)
