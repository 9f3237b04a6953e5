"""Random photographs, and what analyses of them say, as tests of the engine need them."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failed, Finished
from dgnam_server.engine.work import Work

SIZE = (32, 32)


def photographs(count: int, seed: int = 0) -> list[np.ndarray]:
    """Noise, (H, W, 3) float32 in [0, 1] each."""
    random = np.random.default_rng(seed)
    return [random.uniform(size=(*SIZE, 3)).astype(np.float32) for _ in range(count)]


def run(engine: DeviceThread, *works: Work) -> list[list[Event]]:
    """All events of works that are submitted together."""
    heard: list[list[Event]] = [[] for _ in works]
    done = [threading.Event() for _ in works]
    tickets = []
    for one, events, ended in zip(works, heard, done, strict=True):

        def emit(event: Event, events: list[Event] = events, ended: threading.Event = ended, rows: int = one.rows) -> None:
            events.append(event)
            if isinstance(event, Failed) or sum(isinstance(one, Finished) for one in events) == rows:
                ended.set()

        tickets.append(engine.submit(one, emit))
    assert all(ended.wait(60) for ended in done)
    for ticket in tickets:
        ticket.close()
    return heard


def values(events: Sequence[Event]) -> list[Any]:
    finished = sorted((event for event in events if isinstance(event, Finished)), key=lambda event: event.row)
    return [event.value for event in finished]
