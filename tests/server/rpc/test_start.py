"""A request has one start: its own, or the best of many draws."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dgnam_proto import arrays
from dgnam_proto.v1.synthesis_pb2 import SynthesizeRequest
from dgnam_server.rpc import recipe

Read = Callable[..., Any]
CODE = arrays.to_message(np.zeros(24, np.float32))


def test_draws_and_a_start_code_are_refused_together(request_: SynthesizeRequest, violations: Callable[..., dict[str, str]]) -> None:
    request_.start_code.CopyFrom(CODE)
    request_.options["start_draws"] = 100
    assert violations(request_) == {"options.start_draws": "start_code says already where the ascent starts: leave one of the two out"}


def test_no_draws_and_a_start_code_are_one_start(request_: SynthesizeRequest, read: Read) -> None:
    request_.start_code.CopyFrom(CODE)
    request_.options["start_draws"] = 0
    assert read(request_).start_draws == 0


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
