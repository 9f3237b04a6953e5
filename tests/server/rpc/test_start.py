"""A request has one start: its own, or the best of many draws."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_server.catalog import Catalog
from dgnam_server.rpc import recipe

Read = Callable[..., Any]
CODE = arrays.to_message(np.zeros(24, np.float32))


def test_draws_and_a_start_code_are_refused_together(request_: SynthesizeRequest, violations: Callable[..., dict[str, str]]) -> None:
    request_.start_code.CopyFrom(CODE)
    request_.options["start_draws"] = 100
    assert violations(request_) == {"options.start_draws": "start_code says already where the ascent starts: leave one of the two out"}


def test_redraws_want_draws(request_: SynthesizeRequest, read: Read, violations: Callable[..., dict[str, str]]) -> None:
    request_.options["start_redraws"] = 100
    wrong = "these draws go where start_draws are liked best, and there are none: set start_draws, too, or leave start_redraws out"
    assert violations(request_) == {"options.start_redraws": wrong}
    request_.options["start_draws"] = 64
    spec = read(request_)
    assert (spec.start_draws, spec.start_redraws) == (64, 100)
    request_.start_code.CopyFrom(CODE)
    assert sorted(violations(request_)) == ["options.start_draws", "options.start_redraws"]


def test_no_draws_and_a_start_code_are_one_start(request_: SynthesizeRequest, read: Read) -> None:
    request_.start_code.CopyFrom(CODE)
    request_.options["start_draws"] = 0
    assert read(request_).start_draws == 0


def test_the_priors_own_draws_give_way_to_a_start(request_: SynthesizeRequest, read: Read, tiny: Catalog) -> None:
    """And are in the recipe where they do not."""
    prior = copy.copy(tiny.generators["tiny-prior"])
    prior.card = replace(prior.card, options={"dgn-am": {"start_draws": 64, "start_redraws": 32, "steps": 30}})
    chosen = replace(tiny, generators={"tiny-prior": prior})
    spec = read(request_, chosen)
    assert (spec.start_draws, spec.start_redraws, spec.steps) == (64, 32, 30)
    assert read(recipe.complete(request_, spec, 0), tiny).settings == spec.settings, "wherever it is drawn again"
    request_.start_code.CopyFrom(CODE)
    given = read(request_, chosen)
    assert (given.start_draws, given.start_redraws, given.steps) == (0, 0, 30)
    assert read(recipe.complete(request_, given, 0), chosen).settings == given.settings


@pytest.mark.parametrize("method", ["dgn-am", "ppgn", "diffusion"])
def test_a_recipe_says_how_many_were_drawn(request_: SynthesizeRequest, read: Read, method: str) -> None:
    request_.method = method
    assert read(request_).start_draws == 0
    request_.options["start_draws"] = 2000
    request_.variants = 3
    spec = read(request_)
    assert spec.start_draws == 2000
    again = read(recipe.complete(request_, spec, 2))
    assert again.settings == spec.settings
    assert again.seed == 2, "so the third variant's start is drawn again"
