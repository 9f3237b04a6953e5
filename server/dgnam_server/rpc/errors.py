"""Errors a caller may see: each has a status code, a reason and google.rpc details; `explain` turns any exception into one.

The status and its details travel as trailing metadata, which clients bound at 8 KiB, so long lists are cut with a count of the rest.
"""

import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from dgnam_server.engine.events import Failed, Failure
from dgnam_server.engine.load import Draining, Overloaded, TooLarge

log = logging.getLogger(__name__)

DOMAIN = "dgnam"
DETAILS_KEY = "grpc-status-details-bin"  # fixed by gRPC
PUSHBACK_KEY = "grpc-retry-pushback-ms"  # fixed by gRPC's retry design
_MESSAGE_BYTES = 1200
_DETAIL_BYTES = 3000
_RETRY_S = 2.0
V = TypeVar("V", bound="Violation")


class Reason(Enum):
    """What ErrorInfo gives as the reason: the values of errors.proto's Reason, without their prefix."""

    INVALID_REQUEST = "INVALID_REQUEST"
    NOT_FOUND = "NOT_FOUND"
    NOT_DIFFERENTIABLE = "NOT_DIFFERENTIABLE"
    NO_ENCODER = "NO_ENCODER"
    NO_DENOISER = "NO_DENOISER"
    NO_PATCHES = "NO_PATCHES"
    NUMERIC = "NUMERIC"
    PICTURE_SIZE = "PICTURE_SIZE"
    NOT_PROJECTABLE = "NOT_PROJECTABLE"
    NO_INDEX = "NO_INDEX"
    PHOTOGRAPH = "PHOTOGRAPH"
    NO_FILTERS = "NO_FILTERS"
    QUEUE_FULL = "QUEUE_FULL"
    QUEUE_TIMEOUT = "QUEUE_TIMEOUT"
    MEMORY = "MEMORY"
    UNREAD = "UNREAD"
    WARMING_UP = "WARMING_UP"
    DRAINING = "DRAINING"
    DEADLINE = "DEADLINE"
    CANCELLED = "CANCELLED"
    TOKEN = "TOKEN"
    BUG = "BUG"
    SEARCH_EXISTS = "SEARCH_EXISTS"
    SEARCH_OVER = "SEARCH_OVER"
    SEARCH_LIMIT = "SEARCH_LIMIT"
    SEARCH_UNUSABLE = "SEARCH_UNUSABLE"
    SEARCH_STORE = "SEARCH_STORE"
    NO_JOBS = "NO_JOBS"
    JOB_LIMIT = "JOB_LIMIT"
    JOB_STORE = "JOB_STORE"
    NOT_DRAWN = "NOT_DRAWN"


@dataclass(frozen=True)
class Violation:
    """One thing wrong: `field` is a path into the request, or empty; `description` says what is wrong there and what to do."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


@dataclass(frozen=True)
class Missing(Violation):
    """A field names something of this `kind` that is not there."""

    kind: str
    name: str


@dataclass(frozen=True)
class Unmet(Violation):
    """A field is right in itself, but cannot be done here."""

    reason: Reason


class ServerError(Exception):
    """An answer other than the one asked for; the subclasses give code and reason."""

    code = StatusCode.INTERNAL
    reason = Reason.BUG

    def __init__(self, message: str, *details: Message, retry_after_s: float | None = None, **metadata: str) -> None:
        """Args: details: google.rpc messages; retry_after_s: adds RetryInfo, so that the message need not say when to come again;
        metadata: what ErrorInfo carries.
        """
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        self._details = details
        self._metadata = metadata

    def status(self) -> status_pb2.Status:
        """The google.rpc.Status: ErrorInfo first, then the other details."""
        details: list[Message] = [
            error_details_pb2.ErrorInfo(reason=self.reason.value, domain=DOMAIN, metadata=self._metadata),
            *self._details,
        ]
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromNanoseconds(round(self.retry_after_s * 1e9))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=[_packed(detail) for detail in details])

    def trailers(self) -> tuple[tuple[str, str | bytes], ...]:
        """Trailing metadata: the status, and for a full queue the delay before a retry."""
        trailers: tuple[tuple[str, str | bytes], ...] = ((DETAILS_KEY, self.status().SerializeToString()),)
        if self.code is StatusCode.RESOURCE_EXHAUSTED and self.retry_after_s is not None:
            trailers += ((PUSHBACK_KEY, str(round(self.retry_after_s * 1000))),)
        return trailers


class InvalidRequest(ServerError):
    """Fields that are malformed or out of range."""

    code = StatusCode.INVALID_ARGUMENT
    reason = Reason.INVALID_REQUEST

    def __init__(self, violations: Sequence[Violation]) -> None:
        bad = error_details_pb2.BadRequest.FieldViolation
        listed = [bad(field=violation.field, description=violation.description) for violation in _cut(violations)]
        super().__init__(_joined(violations), error_details_pb2.BadRequest(field_violations=listed))
        self.violations = tuple(violations)


class NotFound(ServerError):
    """Names that nothing here has."""

    code = StatusCode.NOT_FOUND
    reason = Reason.NOT_FOUND

    def __init__(self, missing: Sequence[Missing]) -> None:
        info = error_details_pb2.ResourceInfo
        listed = [info(resource_type=one.kind, resource_name=one.name, description=one.description) for one in _cut(missing)]
        super().__init__(_joined(missing), *listed)


class FailedPrecondition(ServerError):
    """A request that is right in itself but cannot be done here; its reason is that of the first violation."""

    code = StatusCode.FAILED_PRECONDITION

    def __init__(self, unmet: Sequence[Unmet]) -> None:
        violation = error_details_pb2.PreconditionFailure.Violation
        listed = [violation(type=one.reason.value, subject=one.field, description=one.description) for one in _cut(unmet)]
        super().__init__(_joined(unmet), error_details_pb2.PreconditionFailure(violations=listed))
        self.reason = unmet[0].reason


class SearchExists(ServerError):
    """A search of this name was begun with other fields."""

    code = StatusCode.ALREADY_EXISTS
    reason = Reason.SEARCH_EXISTS

    def __init__(self, name: str, differing: Sequence[Violation]) -> None:
        info = error_details_pb2.ResourceInfo(resource_type="search", resource_name=name)
        super().__init__(f"there is a search {name!r} already, and not all is as asked for: {_joined(differing)}", info)


class QueueFull(ServerError):
    """More jobs wait than may, or hold more memory than they may."""

    code = StatusCode.RESOURCE_EXHAUSTED
    reason = Reason.QUEUE_FULL


class OutOfMemory(ServerError):
    """A request that this server has too little memory for, however long it waits."""

    code = StatusCode.RESOURCE_EXHAUSTED
    reason = Reason.MEMORY


class Unread(ServerError):
    """The client left its results unread for too long."""

    code = StatusCode.RESOURCE_EXHAUSTED
    reason = Reason.UNREAD


class QueueTimeout(ServerError):
    """The request waited as long as it may, and had not started."""

    code = StatusCode.DEADLINE_EXCEEDED
    reason = Reason.QUEUE_TIMEOUT


class ShuttingDown(ServerError):
    """The server takes no new work, or could not finish what it had."""

    code = StatusCode.UNAVAILABLE
    reason = Reason.DRAINING


class JobStoreDown(ServerError):
    """The store of jobs cannot be used now."""

    code = StatusCode.UNAVAILABLE
    reason = Reason.JOB_STORE

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=_RETRY_S)


class SearchStoreDown(ServerError):
    """The store of searches cannot be used now; nothing was done."""

    code = StatusCode.UNAVAILABLE
    reason = Reason.SEARCH_STORE

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=_RETRY_S)


class NotReady(ServerError):
    """The server is still warming up."""

    code = StatusCode.UNAVAILABLE
    reason = Reason.WARMING_UP

    def __init__(self) -> None:
        super().__init__("the server is warming up", retry_after_s=_RETRY_S)


class DeadlineReached(ServerError):
    """The caller's deadline came before the result; `phase` is "queued" or "running"."""

    code = StatusCode.DEADLINE_EXCEEDED
    reason = Reason.DEADLINE

    def __init__(self, phase: str, steps_done: int) -> None:
        super().__init__(
            f"the deadline was reached while {phase or 'queued'}, after {steps_done} steps", phase=phase, steps_done=str(steps_done)
        )


class Cancelled(ServerError):
    """The job was cancelled."""

    code = StatusCode.CANCELLED
    reason = Reason.CANCELLED


class Unauthenticated(ServerError):
    """No token, or a wrong one."""

    code = StatusCode.UNAUTHENTICATED
    reason = Reason.TOKEN


class Bug(ServerError):
    """Our fault; `id` finds the log entry."""

    def __init__(self, identity: str) -> None:
        super().__init__(f"internal error {identity}; the server's log has the details under this id", id=identity)


def of_failure(failed: Failed) -> ServerError:
    """The error that tells a job's end to its caller."""
    match failed.failure:
        case Failure.DEADLINE:
            return DeadlineReached(failed.phase, failed.steps_done)
        case Failure.QUEUE_TIMEOUT:
            return QueueTimeout(f"{failed.message}: the server is busy", phase=failed.phase, steps_done=str(failed.steps_done))
        case Failure.CANCELLED:
            return Cancelled(failed.message)
        case Failure.DRAINING:
            return ShuttingDown(failed.message, retry_after_s=_RETRY_S)
        case Failure.NUMERIC | Failure.NOT_PROJECTABLE:
            return FailedPrecondition([Unmet("", failed.message, Reason[failed.failure.name])])
        case Failure.BUG:
            return _logged(f"a job failed while {failed.phase}, after {failed.steps_done} steps: {failed.message}", None)


def explain(error: Exception) -> ServerError:
    """Return what the caller may know about `error`; the rest goes to the log, under an id the caller is given."""
    if isinstance(error, ServerError):
        return error
    if isinstance(error, Overloaded):
        return QueueFull(str(error), retry_after_s=error.retry_after_s, whose="client" if error.by_client else "server")
    if isinstance(error, TooLarge):
        return OutOfMemory(str(error))
    if isinstance(error, Draining):
        return ShuttingDown("the server is shutting down", retry_after_s=_RETRY_S)
    return _logged("a call failed", error)


def _logged(message: str, error: Exception | None) -> Bug:
    identity = secrets.token_hex(6)
    log.error("internal error %s: %s", identity, message, exc_info=error)
    return Bug(identity)


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed


def _joined(violations: Sequence[Violation]) -> str:
    """As many of the violations as a status message has room for."""
    kept = _fitting([str(violation) for violation in violations], _MESSAGE_BYTES)
    rest = len(violations) - kept
    return "; ".join(map(str, violations[:kept])) + (f"; and {rest} more" if rest else "")


def _cut(violations: Sequence[V]) -> Sequence[V]:
    return violations[: _fitting([str(violation) for violation in violations], _DETAIL_BYTES)]


def _fitting(texts: Iterable[str], budget: int) -> int:
    """How many texts fit into `budget` bytes; at least one."""
    count = 0
    for text in texts:
        budget -= len(text.encode()) + 8
        if budget < 0 and count:
            break
        count += 1
    return count
