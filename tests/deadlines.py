"""Short deadlines that a slow machine cannot miss: the client's time is up only while the server is at work."""

import math

import pytest
from dgnam_client._deadline import Deadline


@pytest.fixture
def heard_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call's `timeout` counts from its first step. Before that, a busy machine has as long as it takes to bring it to the server."""
    set_ = Deadline._set
    monkeypatch.setattr(Deadline, "_set", lambda self, seconds: set_(self, seconds if self._phase == "running" else math.inf))
