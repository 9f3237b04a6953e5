"""Callers of the engine, for tests: requests, and somebody who hears what becomes of them."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dgnam_server.catalog import Catalog
from dgnam_server.engine import runner
from dgnam_server.engine.device_thread import DeviceThread
from dgnam_server.engine.events import Event, Failed, Finished, Started
from dgnam_server.engine.work import Work
from dgnam_server.synth import ascent
from dgnam_server.synth.methods import DGN_AM
from dgnam_server.synth.priors import GeneratorPrior
from dgnam_server.synth.problem import Problem, sources
from dgnam_server.synth.spec import Balance, Settings, SynthesisSpec, Term, Unit
from dgnam_server.synth.transforms import centre_crop

SETTINGS: Settings = DGN_AM.settings({"steps": 20, "start_learning_rate": 0.3})
FOREVER = {**SETTINGS, "steps": 50_000}


class Caller:
    """Collects a job's events and waits for its end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[list[Event]], bool], seconds: float = 100) -> list[Event]:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.events), seconds), f"only heard {self.events}"
            return list(self.events)

    def wait_for_end(self, rows: int = 1) -> list[Event]:
        return self.wait_for(lambda events: len(values(events)) == rows or isinstance(events[-1], Failed))

    def wait_for_failure(self) -> Failed:
        failure = self.wait_for(lambda events: isinstance(events[-1], Failed))[-1]
        assert isinstance(failure, Failed)
        return failure

    def wait_for_start(self) -> None:
        self.wait_for(lambda events: any(isinstance(event, Started) for event in events))


class Late(Caller):
    """Has its deadline, an hour from now, come as soon as the job runs, and no earlier, however busy the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.deadline = time.monotonic() + 3600
        self._now: Callable[[], float] = time.monotonic
        monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: self._now()))

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, Started):
            self._now = lambda: self.deadline


def values(events: list[Event]) -> list[Any]:
    """What the rows ended with, in their order."""
    done = sorted((event for event in events if isinstance(event, Finished)), key=lambda event: event.row)
    return [event.value for event in done]


def spec_for(*units: tuple[str, str, int], settings: Settings = SETTINGS, **fields: Any) -> SynthesisSpec:
    terms = tuple(Term(Unit(*unit)) for unit in units)
    spec = SynthesisSpec(terms, Balance.NONE, "tiny-prior", "dgn-am", settings, seed=0)
    return replace(spec, **fields)


def reference(catalog: Catalog, spec: SynthesisSpec, variant: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Picture and code of the reference loop, alone."""
    networks = tuple(catalog.networks[name] for name in sorted({term.unit.model for term in spec.terms}))
    prior = GeneratorPrior(catalog.generators[spec.prior])
    problem = Problem(prior, networks, sources(spec), spec.balance, DGN_AM.structure(spec.settings), centre_crop)
    _, seen = ascent.run(problem, ascent.init(problem, spec, variant))
    return seen.image[0].permute(1, 2, 0).numpy(), seen.code[0].numpy()


class Pause:
    """Holds the device thread from `start` on until `end`, so that what is submitted meanwhile comes in together."""

    def __init__(self, engine: DeviceThread, work: Work) -> None:
        self._engine, self._work = engine, work
        self._held, self._ended = threading.Event(), threading.Event()

    def __enter__(self) -> None:
        self._engine.submit(self._work, self._hold)
        assert self._held.wait(100)

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _hold(self, event: Event) -> None:
        if isinstance(event, Started):
            self._held.set()
            assert self._ended.wait(100)
