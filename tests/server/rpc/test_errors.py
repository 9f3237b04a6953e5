"""Every error: its code, its details, and that they survive the wire."""

import logging
from collections.abc import Iterable

import pytest
from dgnam_client._errors import from_rpc
from dgnam_proto.v1 import errors_pb2
from dgnam_server.engine.events import Failed, Failure
from dgnam_server.engine.load import Draining, Overloaded
from dgnam_server.rpc import errors
from dgnam_server.rpc.errors import Missing, Reason, ServerError, Unmet, Violation
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

TABLE: list[tuple[ServerError, StatusCode, set[str]]] = [
    (errors.InvalidRequest([Violation("steps", "is 0")]), StatusCode.INVALID_ARGUMENT, {"BadRequest"}),
    (errors.NotFound([Missing("tap", "no tap b", "tap", "a:b")]), StatusCode.NOT_FOUND, {"ResourceInfo"}),
    (errors.FailedPrecondition([Unmet("a", "small", Reason.NO_ENCODER)]), StatusCode.FAILED_PRECONDITION, {"PreconditionFailure"}),
    (errors.explain(Overloaded(2)), StatusCode.RESOURCE_EXHAUSTED, {"RetryInfo"}),
    (errors.explain(Draining()), StatusCode.UNAVAILABLE, {"RetryInfo"}),
    (errors.NotReady(), StatusCode.UNAVAILABLE, {"RetryInfo"}),
    (errors.Unauthenticated("no token"), StatusCode.UNAUTHENTICATED, set()),
    (errors.of_failure(Failed(Failure.DEADLINE, "", "queued", 0)), StatusCode.DEADLINE_EXCEEDED, set()),
    (errors.of_failure(Failed(Failure.CANCELLED, "gone")), StatusCode.CANCELLED, set()),
    (errors.of_failure(Failed(Failure.DRAINING, "stopping")), StatusCode.UNAVAILABLE, {"RetryInfo"}),
    (errors.of_failure(Failed(Failure.NUMERIC, "NaN")), StatusCode.FAILED_PRECONDITION, {"PreconditionFailure"}),
    (errors.of_failure(Failed(Failure.BUG, "secret")), StatusCode.INTERNAL, set()),
    (errors.explain(KeyError("secret")), StatusCode.INTERNAL, set()),
]


@pytest.mark.parametrize(("error", "code", "others"), TABLE, ids=[f"{type(row[0]).__name__}-{i}" for i, row in enumerate(TABLE)])
def test_details(error: ServerError, code: StatusCode, others: set[str]) -> None:
    trailers = dict(error.trailers())
    packed = trailers[errors.DETAILS_KEY]
    assert isinstance(packed, bytes)
    status = status_pb2.Status.FromString(packed)
    assert (error.code, status.code, status.message) == (code, code.value[0], error.message)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "dgnam"
    assert f"REASON_{info.reason}" in dict(errors_pb2.Reason.items())
    assert {detail.TypeName().rpartition(".")[2] for detail in status.details[1:]} == others
    assert (errors.PUSHBACK_KEY in trailers) == (code is StatusCode.RESOURCE_EXHAUSTED)
    assert "secret" not in str(status)


@pytest.mark.parametrize(
    "error",
    [
        errors.NotReady(),
        errors.explain(Overloaded(2.0)),
        errors.explain(Draining()),
        *(errors.of_failure(Failed(failure, "the job waited longer than it may", "queued")) for failure in Failure),
    ],
    ids=lambda error: type(error).__name__,
)
def test_when_to_come_again_is_said_once(error: ServerError) -> None:
    """By the client, from the delay that comes with the error."""

    class Call:
        def code(self) -> StatusCode:
            return error.code

        def details(self) -> str:
            return error.message

        def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]]:
            return error.trailers()

    told = str(from_rpc(Call(), "grpc://h:1")).lower()
    assert told.count("again") == (error.retry_after_s is not None or error.code is StatusCode.CANCELLED), told


def test_the_documented_reasons_are_those_that_are_sent() -> None:
    documented = {name.removeprefix("REASON_") for name, number in errors_pb2.Reason.items() if number}
    assert documented == {reason.value for reason in Reason}


def test_each_unmet_precondition_says_its_own_reason() -> None:
    error = errors.FailedPrecondition([Unmet("a", "small", Reason.NO_ENCODER), Unmet("b", "none", Reason.NO_PATCHES)])
    failure = error_details_pb2.PreconditionFailure()
    assert error.status().details[1].Unpack(failure)
    assert [(v.subject, v.type) for v in failure.violations] == [("a", "NO_ENCODER"), ("b", "NO_PATCHES")]


def test_every_failure_has_an_error() -> None:
    for failure in Failure:
        assert isinstance(errors.of_failure(Failed(failure, "x")), ServerError)


def test_a_bug_is_logged_in_full_under_its_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = errors.explain(ValueError("what went wrong"))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "what went wrong" in str(record.exc_info[1])
    identity = record.getMessage().split()[2].rstrip(":")
    assert identity in error.message


def test_long_lists_are_cut_with_a_count() -> None:
    error = errors.InvalidRequest([Violation(f"target.terms[{i}].unit.tap", "x" * 100) for i in range(200)])
    assert "more" in error.message
    assert sum(len(key) + len(value) for key, value in error.trailers()) + len(error.message) < 6000
    assert len(error.violations) == 200
