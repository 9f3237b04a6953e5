from __future__ import annotations

import asyncio
import pickle
from typing import Any

import dgnam_client
import grpc
import pytest
from dgnam_client import Client, _errors
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2 as details

INFO = details.ErrorInfo(reason="A_REASON", domain="dgnam", metadata={"step": "12", "id": "a1b2"})
RETRY = details.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2, nanos=500_000_000))
LEMON = "alexnet64:fc8:lemon"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", dgnam_client.InvalidRequestError),
        ("OUT_OF_RANGE", dgnam_client.InvalidRequestError),
        ("NOT_FOUND", dgnam_client.NotFoundError),
        ("FAILED_PRECONDITION", dgnam_client.NotReadyError),
        ("UNAUTHENTICATED", dgnam_client.UnauthenticatedError),
        ("PERMISSION_DENIED", dgnam_client.PermissionDeniedError),
        ("CANCELLED", dgnam_client.CallCancelledError),
        ("DEADLINE_EXCEEDED", dgnam_client.DeadlineExceededError),
        ("RESOURCE_EXHAUSTED", dgnam_client.OverloadedError),
        ("UNAVAILABLE", dgnam_client.UnavailableError),
        ("UNIMPLEMENTED", dgnam_client.ProtocolError),
        ("INTERNAL", dgnam_client.ServerError),
        ("UNKNOWN", dgnam_client.ServerError),
        ("DATA_LOSS", dgnam_client.ServerError),
        ("ABORTED", dgnam_client.ServerError),
        ("ALREADY_EXISTS", dgnam_client.ServerError),
    ],
)
@pytest.mark.parametrize("detailed", [True, False])
def test_every_code_has_its_error(client: Client, server: Any, code: str, kind: type[dgnam_client.DgnamError], detailed: bool) -> None:
    server.fail(grpc.StatusCode[code], "what happened", *([INFO] if detailed else []))
    with pytest.raises(kind, match="what happened") as caught:
        client.synthesize(LEMON)
    error = caught.value
    assert type(error) is kind and error.code == code
    assert (error.reason, error.metadata.get("step")) == (("A_REASON", "12") if detailed else ("", None))
    assert isinstance(error.__cause__, grpc.RpcError)
    # Every one says what to do.
    assert kind is dgnam_client.InvalidRequestError or len(str(error)) > len("what happened.")


def test_a_call_that_a_stopping_server_cancelled(client: Client, server: Any) -> None:
    """Nobody asked for that. What may be asked twice is."""
    server.fail(grpc.StatusCode.CANCELLED, "CANCELLED")
    with pytest.raises(dgnam_client.UnavailableError, match="as it stopped"):
        client.synthesize(LEMON)
    server.fail(grpc.StatusCode.CANCELLED, "CANCELLED")
    assert client.load() is not None


async def test_a_server_that_really_stops_ends_calls_as_unavailable() -> None:
    """Some reach it just as it stops. Which ones, chance decides: servers are stopped until it was one at least."""
    for _ in range(20):
        failures = await _of_a_stopping_server()
        errors = [_errors.from_rpc(failure, "localhost:7433") for failure in failures]
        assert {type(error) for error in errors} == {dgnam_client.UnavailableError}, [str(error) for error in errors]
        if any(error.code == "CANCELLED" for error in errors):
            return
    pytest.fail("no call reached a server as it stopped")


async def _of_a_stopping_server() -> list[grpc.aio.AioRpcError]:
    """How the calls end of clients that call again and again while a server stops."""

    async def answer(requests: Any, context: Any) -> bytes:
        return b""

    class Anything(grpc.GenericRpcHandler):
        def service(self, call: Any) -> Any:
            return grpc.stream_unary_rpc_method_handler(answer)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Anything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def caller() -> grpc.aio.AioRpcError:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            while True:
                try:
                    await channel.unary_unary("/dgnam.v1.ServerService/GetLoad")(b"")
                except grpc.aio.AioRpcError as failure:
                    return failure

    callers = [asyncio.create_task(caller()) for _ in range(8)]
    await asyncio.sleep(0.1)
    await server.stop(1.0)
    return await asyncio.gather(*callers)


async def test_the_asyncio_client_raises_the_same(server: Any) -> None:
    async with dgnam_client.AsyncClient(server.url) as client:
        for code in ("NOT_FOUND", "ABORTED", "INTERNAL"):
            server.fail(grpc.StatusCode[code], "what happened", INFO)
            server.fail(grpc.StatusCode[code], "what happened", INFO)
            with pytest.raises(dgnam_client.DgnamError) as caught:
                await client.synthesize(LEMON)
            assert (caught.value.code, caught.value.reason) == (code, "A_REASON")
            with pytest.raises(dgnam_client.DgnamError) as caught:
                await client.methods()
            assert caught.value.code == code


def test_all_violations_are_told(client: Client, server: Any) -> None:
    violations = [
        details.BadRequest.FieldViolation(field=field, description=text) for field, text in [("steps", "too many"), ("decay", "NaN")]
    ]
    server.fail(grpc.StatusCode.INVALID_ARGUMENT, "2 fields are wrong", INFO, details.BadRequest(field_violations=violations))
    with pytest.raises(dgnam_client.InvalidRequestError) as caught:
        client.synthesize(LEMON)
    assert isinstance(caught.value, ValueError)
    assert caught.value.violations == [("steps", "too many"), ("decay", "NaN")]
    assert str(caught.value) == "2 fields are wrong.\n  steps: too many\n  decay: NaN"


def test_details_of_the_others(client: Client, server: Any) -> None:
    server.fail(grpc.StatusCode.NOT_FOUND, "none", INFO, details.ResourceInfo(resource_type="unit", resource_name="a:b:c"))
    with pytest.raises(dgnam_client.NotFoundError) as not_found:
        client.synthesize(LEMON)
    assert (not_found.value.resource_type, not_found.value.resource_name) == ("unit", "a:b:c")

    failed = details.PreconditionFailure(violations=[details.PreconditionFailure.Violation(subject="vgg", description="not loaded")])
    server.fail(grpc.StatusCode.FAILED_PRECONDITION, "not now", INFO, failed)
    with pytest.raises(dgnam_client.NotReadyError) as not_ready:
        client.synthesize(LEMON)
    assert not_ready.value.violations == [("vgg", "not loaded")]

    for code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
        server.fail(code, "busy", INFO, RETRY)
        with pytest.raises(dgnam_client.DgnamError, match=r"busy\. Try again in 2\.5 s") as busy:
            client.synthesize(LEMON)
        assert busy.value.retry_after_s == 2.5

    server.fail(grpc.StatusCode.INTERNAL, "a bug", INFO)
    with pytest.raises(dgnam_client.ServerError, match="about a1b2") as bug:
        client.synthesize(LEMON)
    assert bug.value.id == "a1b2"


def test_errors_have_the_id_of_their_call(client: Client, server: Any) -> None:
    for call in (lambda: client.synthesize(LEMON), client.methods):
        server.fail(grpc.StatusCode.INTERNAL, "a bug", INFO)
        with pytest.raises(dgnam_client.ServerError) as bug:
            call()
        sent = server.metadata[-1]["x-request-id"]
        assert bug.value.request_id == sent and str(bug.value).endswith(f" (request {sent})")
    assert server.metadata[-2]["x-request-id"] != sent, "each call has its own"
    server.fail(grpc.StatusCode.NOT_FOUND, "none", INFO)
    with pytest.raises(dgnam_client.NotFoundError) as mine:
        client.synthesize(LEMON)
    assert mine.value.request_id and mine.value.request_id not in str(mine.value), "nobody needs the log for that"


async def test_errors_of_the_asyncio_client_have_it_too(server: Any) -> None:
    async with dgnam_client.AsyncClient(server.url) as client:
        for call in (client.synthesize, client.model):
            server.fail(grpc.StatusCode.INTERNAL, "a bug", INFO)
            with pytest.raises(dgnam_client.ServerError) as bug:
                await call(LEMON)
            assert bug.value.request_id == server.metadata[-1]["x-request-id"]


def test_the_id_that_the_server_gave_counts() -> None:
    class Failure:
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.INTERNAL

        def details(self) -> str:
            return "a bug"

        def trailing_metadata(self) -> list[tuple[str, str | bytes]]:
            return [("x-request-id", "theirs")]

    assert _errors.from_rpc(Failure(), "grpc://h:1", [("x-request-id", "ours")]).request_id == "theirs"


@pytest.mark.usefixtures("heard_first")
def test_a_call_out_of_time_has_its_id(client: Client, server: Any) -> None:
    with pytest.raises(dgnam_client.DeadlineExceededError) as late:
        client.synthesize("alexnet64:fc8:slow", timeout=0.3)
    assert late.value.request_id == server.metadata[-1]["x-request-id"] and late.value.request_id in str(late.value)


def test_a_message_over_the_limit_is_not_an_overload(client: Client) -> None:
    with pytest.raises(dgnam_client.InvalidRequestError, match="too large"):
        client.synthesize(LEMON, start=bytes(65 * 1024 * 1024))


def test_details_that_cannot_be_read_count_as_absent() -> None:
    class Failure:
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.NOT_FOUND

        def details(self) -> str:
            return ""

        def trailing_metadata(self) -> list[tuple[str, str | bytes]]:
            return [("grpc-status-details-bin", b"\xff\xff")]

    error = _errors.from_rpc(Failure(), "grpc://h:1")
    assert isinstance(error, dgnam_client.NotFoundError) and "NOT_FOUND" in str(error)


@pytest.mark.parametrize("name", [name for name in dgnam_client.__all__ if name.endswith("Error")])
def test_errors_travel_between_processes(name: str) -> None:
    kind = getattr(dgnam_client, name)
    error = kind("what happened", code="UNKNOWN", metadata={"a": "b"}, retry_after_s=3.0)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and str(again) == str(error) and vars(again) == vars(error)


def test_the_tree_in_the_docstring_is_complete() -> None:
    drawn = _errors.__doc__ or ""
    assert all(name in drawn for name in dgnam_client.__all__ if name.endswith("Error"))
