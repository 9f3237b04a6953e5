"""A front is, to its callers, the server behind it: every kind of call, its errors, its end."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from dgnam_client import Client, DeadlineExceededError, InvalidRequestError, NotFoundError, Started, UnauthenticatedError, UnavailableError
from dgnam_proto.v1 import server_pb2, server_pb2_grpc
from dgnam_server.cluster.routing import Replica
from fronts import Given
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

LEMON = "tiny:fc8:lemon"


@pytest.fixture
def nowhere() -> Iterator[Replica]:
    """A replica that is gone; its port stays taken, so that nobody else answers there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Replica("gone", f"127.0.0.1:{taken.getsockname()[1]}", 4)


def test_it_draws_what_the_server_draws(client: Client, engine: Client) -> None:
    asked: dict[str, Any] = {"steps": 3, "seed": 4, "determinism": "strict"}
    assert client.synthesize(LEMON, **asked).png == engine.synthesize(LEMON, **asked).png
    picture = client.synthesize_pixels(LEMON, steps=2)
    assert client.activations(picture.image, "tiny:fc8").array.shape == engine.activations(picture.image, "tiny:fc8").array.shape
    assert client.methods() == engine.methods()


def test_errors_keep_their_details(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as wrong:
        client.synthesize(LEMON, steps=1_000_000, variants=10_000)
    assert {field for field, _ in wrong.value.violations} == {"options.steps", "variants"}
    with pytest.raises(NotFoundError, match="lemon") as missing:
        client.synthesize("tiny:fc8:lemom")
    assert (missing.value.reason, bool(missing.value.request_id)) == ("NOT_FOUND", True)


def test_a_stream_that_is_left_frees_its_rows(client: Client) -> None:
    before = client.load().cancelled_jobs
    for event in client.stream(LEMON, steps=2000):
        if isinstance(event, Started):
            break
    deadline = time.monotonic() + 100
    while (load := client.load()).cancelled_jobs == before or load.running_jobs or load.lanes:
        assert time.monotonic() < deadline, load
        time.sleep(0.05)
    assert load.cancelled_jobs == before + 1


def test_clients_are_told_apart(behind: Replica, fronted: Callable[..., Any], tmp_path: Path) -> None:
    """By their own address and token, although all calls reach the server from the front."""
    with fronted(Given([behind])) as address, Client(address) as client:
        assert client.load().own.client == "127.0.0.1"
    (tmp_path / "tokens").write_text("mine\nyours\n")
    with (
        fronted(Given([behind]), token_file=tmp_path / "tokens") as address,
        Client(address, token="mine") as one,
        Client(address, token="yours") as other,
    ):
        names = one.load().own.client, other.load().own.client
    assert names[0] != names[1] and all(name.startswith("127.0.0.1/") for name in names)


def test_a_deadline_is_the_servers_too(client: Client) -> None:
    with pytest.raises(DeadlineExceededError):
        client.synthesize(LEMON, steps=2000, variants=16, timeout=0.2)


def test_a_lost_replica_costs_no_call_that_can_be_repeated(behind: Replica, nowhere: Replica, fronted: Callable[..., Any]) -> None:
    with fronted(Given([nowhere, behind])) as address, Client(address, timeout=60) as client:
        for seed in range(4):
            assert client.synthesize(LEMON, steps=1, seed=seed).recipe.seed == seed
        assert client.load().finished_jobs >= 4


def test_searches_are_not_lost_with_their_replica(behind: Replica, nowhere: Replica, fronted: Callable[..., Any]) -> None:
    """The call that meets with its end is lost, since it may have been heard; the next one finds another."""
    given = Given([Replica("0", nowhere.address), Replica("1", behind.address)])
    with fronted(given) as address, Client(address, timeout=60) as client:
        with pytest.raises(UnavailableError) as lost:
            client.delete_search("mine")
        assert "was lost. Try again in 2 s." in str(lost.value)
        with pytest.raises(NotFoundError, match="there is no search 'mine'"):
            client.delete_search("mine")


def test_searches_move_to_another_replica_of_their_machine(behind: Replica, fronted: Callable[..., Any]) -> None:
    given = Given([Replica("0", behind.address)])
    with fronted(given) as address, Client(address, timeout=60) as client:
        search = client.search("moving", optimizer="cma", population=4, max_pictures=8)
        given.replicas[:] = [Replica("1", behind.address)]
        search.tell({one.number: 1.0 for one in search.ask()})
        given.replicas.append(Replica("0", behind.address.replace("127.0.0.1", "localhost")))  # started anew, on another machine
        client.delete_search("moving")
        given.replicas[:] = [Replica("2", behind.address.replace("127.0.0.1", "localhost"))]
        with pytest.raises(UnavailableError, match="no server is ready for this call"):
            client.delete_search("moving")


def test_without_replicas_it_says_so(fronted: Callable[..., Any]) -> None:
    with fronted(Given([])) as address, grpc.insecure_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            server_pb2_grpc.ServerServiceStub(channel).GetServerInfo(server_pb2.GetServerInfoRequest(), timeout=60)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "no server is ready" in (caught.value.details() or "")


def test_without_replicas_it_is_not_healthy(behind: Replica, fronted: Callable[..., Any]) -> None:
    given = Given([behind])
    with fronted(given) as address, grpc.insecure_channel(address) as channel:
        statuses = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(statuses).status == health_pb2.HealthCheckResponse.SERVING
        given.replicas.clear()
        assert next(statuses).status == health_pb2.HealthCheckResponse.NOT_SERVING
        given.replicas.append(behind)
        assert next(statuses).status == health_pb2.HealthCheckResponse.SERVING


def test_it_has_health_reflection_and_a_token_of_its_own(behind: Replica, fronted: Callable[..., Any]) -> None:
    with fronted(Given([behind]), token="outer") as address, grpc.insecure_channel(address) as channel:
        asked = health_pb2.HealthCheckRequest(service="dgnam.v1.SynthesisService")
        assert health_pb2_grpc.HealthStub(channel).Check(asked, timeout=60).status == health_pb2.HealthCheckResponse.SERVING
        listed = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (services,) = stub.ServerReflectionInfo(iter([listed]), metadata=[("authorization", "Bearer outer")], timeout=60)
        assert "dgnam.v1.SynthesisService" in {service.name for service in services.list_services_response.service}
        with Client(address, token="outer", timeout=60) as client:
            assert client.synthesize(LEMON, steps=1)
        with Client(address, timeout=60) as client, pytest.raises(UnauthenticatedError):
            client.models()


def test_a_drain_is_passed_on(behind: Replica, fronted: Callable[..., Any]) -> None:
    given = Given([behind])
    with fronted(given, drain_timeout_s=7):
        assert given.drained == []
    assert given.drained == [7.0]
