"""What metrics say, as Prometheus reads it."""

from dataclasses import dataclass

import pytest
from dgnam_server.engine.load import ClientLoad, LaneLoad, Load
from dgnam_server.observability.metrics import Metrics, Watched

MIB = 2**20


@dataclass(frozen=True)
class Engine:
    """One that says what it was told to."""

    now: Load
    batch_rows: int = 8

    def load(self) -> Load:
        return self.now


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_calls(metrics: Metrics) -> None:
    value, call = metrics.registry.get_sample_value, {"grpc_service": "dgnam.v1.S", "grpc_method": "M"}
    metrics.call_began("dgnam.v1.S", "M")
    metrics.call_began("dgnam.v1.S", "M")
    metrics.call_ended("dgnam.v1.S", "M", "NOT_FOUND", 0.3)
    assert value("grpc_server_started_total", call) == 2
    assert value("grpc_server_handled_total", {**call, "grpc_code": "NOT_FOUND"}) == 1
    assert value("grpc_server_handling_seconds_bucket", {**call, "le": "0.5"}) == 1
    assert value("grpc_server_handling_seconds_bucket", {**call, "le": "0.25"}) == 0


def test_steps_and_jobs(metrics: Metrics) -> None:
    value = metrics.registry.get_sample_value
    metrics.stepped(4, 0.02)
    metrics.stepped(1, 0.01)
    metrics.started(1.5)
    metrics.ended("finished", 4.0)
    assert (value("dgnam_row_steps_total"), value("dgnam_step_seconds_count")) == (5, 2)
    assert value("dgnam_step_seconds_sum") == pytest.approx(0.03)
    assert value("dgnam_step_rows_bucket", {"le": "2.0"}) == 1
    assert value("dgnam_job_wait_seconds_sum") == 1.5
    assert value("dgnam_job_seconds_bucket", {"state": "finished", "le": "5.0"}) == 1


def test_what_is_looked_up(metrics: Metrics) -> None:
    value = metrics.registry.get_sample_value
    lanes = (LaneLoad("a", 2, 1, 20), LaneLoad("b", 1, 0, 7), LaneLoad("b", 1, 3, 7))  # two clients' strict rows
    now = Load(3, 2, lanes, 5, 1, 4, True, 100, {"x": ClientLoad(), "y": ClientLoad()})
    metrics.watch(Watched(Engine(now), 512 * MIB, {"tiny": 0.25}, lambda: 99))
    assert value("dgnam_queued_jobs") == 3 and value("dgnam_running_jobs") == 2 and value("dgnam_clients") == 2
    assert (value("dgnam_memory_bytes"), value("dgnam_memory_limit_bytes")) == (100, 512 * MIB)
    assert value("dgnam_device_memory_bytes") == 99
    assert (value("dgnam_batch_rows"), value("dgnam_draining")) == (8, 1)
    assert [value("dgnam_jobs_total", {"state": state}) for state in ("finished", "failed", "cancelled")] == [5, 1, 4]
    assert value("dgnam_lane_rows", {"lane": "b", "state": "running"}) == 2
    assert value("dgnam_lane_rows", {"lane": "b", "state": "waiting"}) == 3
    assert value("dgnam_lane_bytes", {"lane": "b"}) == 14
    assert value("dgnam_model_load_seconds", {"model": "tiny"}) == 0.25
    assert (value("process_resident_memory_bytes") or 0) > MIB


def test_two_servers_of_a_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.stepped(1, 0.1)
    assert other.registry.get_sample_value("dgnam_row_steps_total") == 0


def test_without_a_gpu_nothing_is_said_of_its_memory(metrics: Metrics) -> None:
    metrics.watch(Watched(Engine(Load()), MIB, {}))
    assert metrics.registry.get_sample_value("dgnam_device_memory_bytes") is None
