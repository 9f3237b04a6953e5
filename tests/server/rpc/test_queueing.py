"""Fields that say how a request waits."""

from collections.abc import Callable
from typing import Any

import pytest
from dgnam_proto.v1.synthesis_pb2 import PRIORITY_BATCH, PRIORITY_INTERACTIVE, SynthesizePixelsRequest, SynthesizeRequest
from dgnam_server.engine.scheduler import Priority
from dgnam_server.rpc import queueing
from dgnam_server.rpc.queueing import Queueing


@pytest.mark.parametrize("kind", [SynthesizeRequest, SynthesizePixelsRequest])
def test_what_a_request_says(kind: Any) -> None:
    assert queueing.read(kind()) == Queueing(Priority.INTERACTIVE, None)
    assert queueing.read(kind(priority=PRIORITY_INTERACTIVE)) == Queueing(Priority.INTERACTIVE, None)
    assert queueing.read(kind(priority=PRIORITY_BATCH, queue_timeout_s=2.5)) == Queueing(Priority.BATCH, 2.5)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_what_it_cannot_say(request_: SynthesizeRequest, violations: Callable[..., dict[str, str]], seconds: float) -> None:
    request_.priority, request_.queue_timeout_s = 7, seconds  # type: ignore[assignment]
    told = violations(request_)
    assert set(told) == {"priority", "queue_timeout_s"}
    assert "PRIORITY_BATCH" in told["priority"]
    assert "is not between 0.001 and 604800" in told["queue_timeout_s"]
