"""The engine on tiny real models."""

import threading
from collections.abc import Callable, Iterator

import pytest
from callers import spec_for
from dgnam_server.engine.builder import Builder
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.kinds.synthesis import Synthesis
from dgnam_server.engine.load import EngineLimits
from dgnam_server.engine.warmup import typical


@pytest.fixture
def engine(builder: Builder) -> Iterator[DeviceThread]:
    """Up to four rows share a batch; nothing may be left in it when the test ends."""
    before = set(threading.enumerate())  # a fixture of a whole session may have an engine too
    made = DeviceThread(typical(builder), EngineLimits(queue_capacity=8, max_batch_rows=4))
    made.start()
    yield made
    made.drain(0)
    assert made.load().lanes == (), "rows leaked"
    assert made.load().running_jobs == made.load().queued_jobs == 0
    assert not any(thread.name == "dgnam-device" for thread in set(threading.enumerate()) - before)


@pytest.fixture
def work_for(builder: Builder) -> Callable[..., Synthesis]:
    """A synthesis, of `callers.spec_for`'s arguments."""
    return lambda *units, **fields: builder.synthesis(spec_for(*units, **fields))
