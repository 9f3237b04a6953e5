"""Metrics of a server, for Prometheus: what it counts as it goes, and what it looks up when it is asked.

Calls have the names and labels of the gRPC ecosystem's usual metrics, so that dashboards made for those work. A label never holds what a
caller chose: methods that this server does not have count as "unknown".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dgnam_server.engine.load import LaneLoad, Load

_CALL = ("grpc_service", "grpc_method")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500)
_STEP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Engine(Protocol):
    """What is looked up: a DeviceThread has it."""

    @property
    def batch_rows(self) -> int: ...
    def load(self) -> Load: ...


class Drawing(Protocol):
    """What is looked up of jobs that are kept: a Runner has it."""

    drawn: int
    failed: int

    @property
    def in_hand(self) -> int: ...


class Metrics:
    """One server's metrics; any thread may call it. It is the engine's Meter."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._begun = Counter("grpc_server_started", "Calls begun", _CALL, registry=registry)
        self._handled = Counter("grpc_server_handled", "Calls ended, by status", (*_CALL, "grpc_code"), registry=registry)
        self._handling = Histogram(
            "grpc_server_handling_seconds", "Time from a call's beginning to its end", _CALL, buckets=_SECONDS, registry=registry
        )
        self._steps = Counter("dgnam_row_steps", "Steps taken, counted once for each row of the batch", registry=registry)
        self._step_s = Histogram("dgnam_step_seconds", "Time of one step of a batch", buckets=_STEP_SECONDS, registry=registry)
        self._step_rows = Histogram("dgnam_step_rows", "Rows of the batch at each step", buckets=_ROWS, registry=registry)
        self._wait_s = Histogram("dgnam_job_wait_seconds", "Time from a job's admission to its start", buckets=_SECONDS, registry=registry)
        self._job_s = Histogram(
            "dgnam_job_seconds", "Time from a job's admission to its end", ("state",), buckets=_SECONDS, registry=registry
        )

    def call_began(self, service: str, method: str) -> None:
        """A call came in."""
        self._begun.labels(service, method).inc()

    def call_ended(self, service: str, method: str, code: str, seconds: float) -> None:
        """A call ended with this status."""
        self._handled.labels(service, method, code).inc()
        self._handling.labels(service, method).observe(seconds)

    def stepped(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took a step."""
        self._steps.inc(rows)
        self._step_s.observe(seconds)
        self._step_rows.observe(rows)

    def started(self, waited_s: float) -> None:
        """A job's first row has joined a batch."""
        self._wait_s.observe(waited_s)

    def ended(self, state: str, total_s: float) -> None:
        """A job has come to its terminal state."""
        self._job_s.labels(state).observe(total_s)

    def watch(self, watched: "Watched") -> None:
        """Tell of these too."""
        self.registry.register(_Watch(watched))


@dataclass(frozen=True, eq=False)
class Watched:
    """What is looked up when somebody asks.

    Attributes:
        memory_limit_bytes: what requests, running rows and unread results may hold.
        load_seconds: by a model's name, how long it took to load.
        device_bytes: tells what the process holds of a GPU's memory; None: there is no GPU.
        kept_jobs: draws the pictures of jobs that are kept; None: none are.
    """

    engine: Engine
    memory_limit_bytes: int
    load_seconds: Mapping[str, float]
    device_bytes: Callable[[], int] | None = None
    kept_jobs: Drawing | None = None


class _Watch(Collector):
    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        watched = self._watched
        load = watched.engine.load()
        yield GaugeMetricFamily("dgnam_queued_jobs", "Jobs that wait", load.queued_jobs)
        yield GaugeMetricFamily("dgnam_running_jobs", "Jobs being worked on", load.running_jobs)
        yield GaugeMetricFamily("dgnam_clients", "Clients with jobs or unread results", len(load.clients))
        yield GaugeMetricFamily("dgnam_draining", "Whether the server takes no new work", float(load.draining))
        yield GaugeMetricFamily("dgnam_memory_bytes", "What requests, running rows and unread results hold", load.memory_bytes)
        yield GaugeMetricFamily("dgnam_memory_limit_bytes", "What they may hold together", watched.memory_limit_bytes)
        if watched.device_bytes is not None:
            yield GaugeMetricFamily("dgnam_device_memory_bytes", "What the process holds of the GPU's memory", watched.device_bytes())
        yield GaugeMetricFamily("dgnam_batch_rows", "The most rows that share a batch", watched.engine.batch_rows)
        jobs = CounterMetricFamily("dgnam_jobs", "Jobs that have ended", labels=["state"])
        for state, count in (("finished", load.finished_jobs), ("failed", load.failed_jobs), ("cancelled", load.cancelled_jobs)):
            jobs.add_metric([state], count)
        yield jobs
        if watched.kept_jobs is not None:
            yield from _kept(watched.kept_jobs)
        yield from _lanes(load.lanes)
        loads = GaugeMetricFamily("dgnam_model_load_seconds", "Time that a model took to load", labels=["model"])
        for model, seconds in watched.load_seconds.items():
            loads.add_metric([model], seconds)
        yield loads


def _kept(drawing: Drawing) -> Iterator[Metric]:
    """What this server does for the jobs of its store."""
    yield GaugeMetricFamily("dgnam_kept_pictures_in_hand", "Pictures of kept jobs that this server has claimed", drawing.in_hand)
    pictures = CounterMetricFamily("dgnam_kept_pictures", "Pictures of kept jobs that this server has ended", labels=["state"])
    for state, count in (("drawn", drawing.drawn), ("failed", drawing.failed)):
        pictures.add_metric([state], count)
    yield pictures


def _lanes(lanes: Iterable[LaneLoad]) -> Iterator[Metric]:
    """The batches there are now. Strict requests of several clients have batches of one name: these are added up."""
    rows: dict[tuple[str, str], int] = {}
    held: dict[str, int] = {}
    for lane in lanes:
        for state, count in (("running", lane.running_rows), ("waiting", lane.waiting_rows)):
            rows[lane.key, state] = rows.get((lane.key, state), 0) + count
        held[lane.key] = held.get(lane.key, 0) + lane.memory_bytes
    lane_rows = GaugeMetricFamily("dgnam_lane_rows", "Rows of a batch", labels=["lane", "state"])
    for (key, state), count in rows.items():
        lane_rows.add_metric([key, state], count)
    lane_bytes = GaugeMetricFamily("dgnam_lane_bytes", "What the running rows of a batch hold", labels=["lane"])
    for key, count in held.items():
        lane_bytes.add_metric([key], count)
    yield from (lane_rows, lane_bytes)
