"""What is run to be warm, and to be timed."""

from dataclasses import replace

import numpy as np
import pytest
from callers import spec_for
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.kinds.activations import Place
from dgnam_server.engine.warmup import like, timed_step, typical
from dgnam_server.synth.methods import DEFAULT_METHOD, METHODS
from dgnam_server.synth.parts.redirected_relu import REDIRECTED_STEPS


def test_the_typical_work_has_the_default_methods_own_options(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more of them does not break the start."""
    method = METHODS[DEFAULT_METHOD]
    more = replace(method, parts=(*method.parts, "total-variation"), defaults={**method.defaults, "tv_weight": 0.5})
    monkeypatch.setitem(METHODS, DEFAULT_METHOD, more)
    work = typical(builder)
    assert work.spec.settings["tv_weight"] == 0.5
    assert "total-variation" in work.key.structure.parts
    assert work.spec.settings["start_learning_rate"] == pytest.approx(
        builder.catalog.generators["tiny-prior"].card.code.start_learning_rate
    )
    assert timed_step(work, 2) > 0


def test_a_priors_draws_are_not_what_is_timed(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    prior = builder.catalog.generators["tiny-prior"]
    monkeypatch.setattr(prior, "card", replace(prior.card, options={"dgn-am": {"start_draws": 4000, "steps": 30}}))
    assert (typical(builder).spec.start_draws, typical(builder).steps) == (0, 30)


def test_steps_that_cost_alike_are_what_is_timed(builder: Builder) -> None:
    """Judging draws, and steps whose gradients may be redirected, are not."""
    lucid = METHODS["lucid"]
    work = builder.synthesis(spec_for(("tiny", "fc8", 1), prior="", method="lucid", settings=lucid.settings(), size=(32, 32)))
    timed = like(work)
    assert timed is not None and timed.key == work.key
    assert work.spec.settings[REDIRECTED_STEPS] > 0 == timed.spec.settings[REDIRECTED_STEPS]
    drawn = replace(typical(builder).spec, settings={**typical(builder).spec.settings, "start_draws": 4000})
    timed = like(builder.synthesis(drawn))
    assert timed is not None and timed.spec.start_draws == 0 and timed_step(timed, 1) > 0
    assert like(builder.activations([np.zeros((8, 8, 3), np.float32)], [Place("tiny", "fc8")])) is None, "a row is done with one step"
