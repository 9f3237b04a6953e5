"""When training is given up."""

import math

import pytest
from dgnam_models.errors import TrainingError
from dgnam_models.lab.train.collapse import Watch


def test_a_fair_game_goes_on_and_so_does_one_wild_batch() -> None:
    watch = Watch(gap=10)
    for step in range(500):
        watch.see(step, {"critic": 4.0}, 1.5, -2.0)
    watch.see(500, {"critic": 0.0}, 90.0, -90.0)
    assert watch.real - watch.drawn < 10


def test_logits_that_drift_apart_end_it() -> None:
    """Of logits of 20 and -20 the averages are 40 (1 - .98^n) apart after n steps: 9.9 after 14, 10.5 after 15."""
    watch = Watch(gap=10)
    for step in range(14):
        watch.see(step, {"critic": 0.0}, 20.0, -20.0)
    with pytest.raises(TrainingError, match=r"step 14: .*collapsed\. .* 5\.2 for photographs and -5\.2 for drawn pictures") as stopped:
        watch.see(14, {"critic": 0.0}, 20.0, -20.0)
    assert "The last checkpoint is kept" in str(stopped.value)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_is_not_finite_ends_it_and_is_named(broken: float) -> None:
    watch = Watch(gap=10)
    with pytest.raises(TrainingError, match="step 7: not finite: critic. "):
        watch.see(7, {"critic": broken, "generator": 1.0}, 0.0, 0.0)
    with pytest.raises(TrainingError, match="not finite: logit of drawn pictures"):
        watch.see(7, {"critic": 1.0}, 0.0, broken)
    assert (watch.real, watch.drawn) == (0.0, 0.0), "nothing of it is kept"
