"""Everything that can go wrong, by whose fault it is.

DgnamError
  Your request
  ├── InvalidRequestError (also a ValueError)   a field is malformed or out of range; see `violations`
  │   └── InvalidAddressError                   text that is not an address; nothing was sent
  ├── NotFoundError                             no such model, tap, unit or method
  ├── NotReadyError                             it exists, but cannot be used now or for this
  ├── SearchError                               a search is over, was begun otherwise, or cannot go on
  Your credentials
  ├── UnauthenticatedError                      no token, or a wrong one
  ├── PermissionDeniedError                     a valid token that may not do this
  Your decision
  ├── CallCancelledError                        the call was cancelled
  ├── DeadlineExceededError                     the call took longer than its timeout
  Circumstances: the same call may work later
  ├── OverloadedError                           the server's queue is full; see `retry_after_s`
  ├── UnavailableError                          nobody answers, or the server is shutting down; see `retry_after_s`
  The server's fault
  ├── ServerError                               a bug there; see `id`
  └── ProtocolError                             an answer that this client does not understand
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

DETAILS_KEY = "grpc-status-details-bin"
REQUEST_ID_KEY = "x-request-id"


class DgnamError(Exception):
    """The root of all errors that this package raises on purpose.

    Attributes:
        message: What happened, without the advice that `str()` adds.
        code: The gRPC status code's name, such as "NOT_FOUND"; None where nothing was sent.
        reason: The server's short constant for the cause, such as "UNKNOWN_UNIT"; empty where it gave none.
        metadata: Further facts from the server, such as the step a picture had reached.
        retry_after_s: How long the server asks to wait before the next try; None where it asks for nothing.
        request_id: What the call is called in the server's log; empty where nothing was sent.
    """

    advice: str = ""
    in_the_log = False  # whether it is worth looking up there, so that `str()` tells the id

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.request_id = request_id

    def __str__(self) -> str:
        named = f"(request {self.request_id})" if self.in_the_log and self.request_id else ""
        return " ".join(part for part in (_sentence(self.message), self.advice, named) if part)

    def _render_traceback_(self, *_: object) -> list[str]:
        """What notebooks and IPython show: the caller's own line and the message, without what lies between."""
        import traceback

        package = __name__.partition(".")[0]
        frames = list(traceback.walk_tb(self.__traceback__))
        callers = [frame for frame in frames if frame[0].f_globals.get("__name__", "").split(".")[0] != package]
        shown = traceback.StackSummary.extract(iter(callers[-1:]))
        return [*"".join(shown.format()).splitlines(), *f"{type(self).__name__}: {self}".splitlines()]


class InvalidRequestError(DgnamError, ValueError):
    """A field of the request is malformed or out of range.

    Attributes:
        violations: Every bad field as (field path, description).
    """

    def __init__(self, message: str, *, violations: Iterable[tuple[str, str]] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.violations = list(violations)

    def __str__(self) -> str:
        # The server's message may list some of them already.
        unsaid = [f"{field}: {description}" for field, description in self.violations if description not in self.message]
        return "\n  ".join([super().__str__(), *unsaid])


class InvalidAddressError(InvalidRequestError):
    """A text that is not an address. Raised before anything is sent."""

    advice = (
        "Write model:tap:unit, as in alexnet64:fc8:lemon; add @y,x for a place in a convolutional tap or @n for a token, put 0.5* in front "
        "for a weight, and write index=7 or label=7 where a number might be either."
    )

    def __init__(self, message: str, *, advice: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        if advice is not None:
            self.advice = advice


class NotFoundError(DgnamError):
    """No model, tap, unit or method of that name.

    Attributes:
        resource_type: What kind of thing was looked for.
        resource_name: The name that was not found.
    """

    advice = "Client.models(), .units() and .methods() list what there is; so do `dgnam models`, `dgnam units` and `dgnam methods`."

    def __init__(self, message: str, *, resource_type: str = "", resource_name: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.resource_type = resource_type
        self.resource_name = resource_name


class NotReadyError(DgnamError):
    """It exists, but cannot be used: not loaded, or not differentiable.

    Attributes:
        violations: What stands in the way, as (subject, description).
    """

    advice = "Choose another model or tap, or have the server load this one."

    def __init__(self, message: str, *, violations: Iterable[tuple[str, str]] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.violations = list(violations)


class SearchError(DgnamError):
    """A search is over, or there is one of its name that was begun otherwise, or it cannot go on here, or there are too many."""


class UnauthenticatedError(DgnamError):
    """The server wants a token and got none, or a wrong one."""

    advice = "Pass token= or set DGNAM_TOKEN."


class PermissionDeniedError(DgnamError):
    """The token is valid, but may not do this."""

    advice = "Ask the server's operator for the permission, or use another token."


class CallCancelledError(DgnamError):
    """The call was cancelled; the server has stopped working on it."""

    advice = "Call again if that was not intended."


class DeadlineExceededError(DgnamError):
    """The call took longer than its timeout; the server has stopped working on it."""

    advice = "Pass a longer timeout= (in seconds; math.inf for none), or ask for fewer steps or variants."
    in_the_log = True


class OverloadedError(DgnamError):
    """The server's queue is full."""

    in_the_log = True

    @property
    def advice(self) -> str:  # type: ignore[override]
        return f"Try again {_when(self.retry_after_s)}, with fewer pictures at once."


class UnavailableError(DgnamError):
    """Nobody answers at the address, or the server is starting or shutting down."""

    def __init__(self, message: str, *, advice: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self._advice = advice

    @property
    def advice(self) -> str:  # type: ignore[override]
        if self._advice:
            return self._advice
        if self.retry_after_s is not None:
            return f"Try again {_when(self.retry_after_s)}."
        return "Is a server running there? `dgnam-server` starts one; `dgnam doctor` looks for the cause."


class ServerError(DgnamError):
    """A bug in the server.

    Attributes:
        id: What to look up in the server's log; empty where the server gave none.
    """

    in_the_log = True

    def __init__(self, message: str, *, id: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.id = id

    @property
    def advice(self) -> str:  # type: ignore[override]
        return f"Report it with what the server's log says about {self.id}." if self.id else "Report it with the server's log."


class ProtocolError(DgnamError):
    """An answer that this client does not understand."""

    advice = "Client and server may differ in version: `dgnam doctor` compares them."


class RpcFailure(Protocol):
    """What a failed call tells: what grpc.RpcError has in both kinds of channel."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


def from_rpc(failure: RpcFailure, server: str, sent: Sequence[tuple[str, str]] = ()) -> DgnamError:
    """Turn a failed call into this package's error.

    Args:
        failure: The gRPC error that the call raised.
        server: The server's address, for messages about reaching it.
        sent: The metadata that the call was made with.
    """
    code = failure.code().name
    message = failure.details() or f"the call ended with {code} and no message"
    details = _details(failure)
    info = details.get("ErrorInfo")
    retry = details.get("RetryInfo")
    facts: dict[str, Any] = {
        "code": code,
        "reason": info.reason if info else "",
        "metadata": dict(info.metadata) if info else {},
        "retry_after_s": retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        "request_id": request_id([*(failure.trailing_metadata() or ()), *sent]),
    }
    match code:
        case "INVALID_ARGUMENT" | "OUT_OF_RANGE":
            bad = details.get("BadRequest")
            violations = [(v.field, v.description) for v in bad.field_violations] if bad else []
            return InvalidRequestError(message, violations=violations, **facts)
        case "NOT_FOUND":
            resource = details.get("ResourceInfo")
            named = {"resource_type": resource.resource_type, "resource_name": resource.resource_name} if resource else {}
            return NotFoundError(message, **named, **facts)
        case "ALREADY_EXISTS" | "FAILED_PRECONDITION" if facts["reason"].startswith("SEARCH_"):
            return SearchError(message, **facts)
        case "FAILED_PRECONDITION":
            failed = details.get("PreconditionFailure")
            return NotReadyError(message, violations=[(v.subject, v.description) for v in failed.violations] if failed else [], **facts)
        case "UNAUTHENTICATED":
            return UnauthenticatedError(message, **facts)
        case "PERMISSION_DENIED":
            return PermissionDeniedError(message, **facts)
        # By gRPC itself, of a server that stops: it sends no text, so gRPC writes the code in its place.
        case "CANCELLED" if info is None and message == code:
            return UnavailableError("the server ended the call as it stopped", **facts)
        case "CANCELLED":
            return CallCancelledError(message, **facts)
        case "DEADLINE_EXCEEDED":
            return DeadlineExceededError(message, **facts)
        case "RESOURCE_EXHAUSTED" if info is None and "larger than max" in message:
            # gRPC itself says this, on either side, of a message over the limit: waiting would not help.
            return InvalidRequestError(f"the message is too large: {message}", **facts)
        case "RESOURCE_EXHAUSTED" if facts["reason"] == "MEMORY":  # nor would it here
            return InvalidRequestError(message, **facts)
        case "RESOURCE_EXHAUSTED":
            return OverloadedError(message, **facts)
        case "UNAVAILABLE":
            if info:
                return UnavailableError(message, **facts)
            from ._reach import explained

            text, advice = explained(server, message)
            return UnavailableError(text, advice=advice, **facts)
        case "UNIMPLEMENTED":
            return ProtocolError(f"the server at {server} does not know this call: {message}", **facts)
        case _:
            return ServerError(message, id=facts["metadata"].get("id", ""), **facts)


def request_id(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The id of a call, as its metadata tell it; empty where they do not."""
    return next((value for key, value in metadata if key == REQUEST_ID_KEY and isinstance(value, str)), "")


def _details(failure: RpcFailure) -> dict[str, Any]:
    """The google.rpc details of a failure by the short name of their type; a broken one counts as absent."""
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2

    known: tuple[type[Message], ...] = (
        error_details_pb2.ErrorInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.ResourceInfo,
        error_details_pb2.PreconditionFailure,
        error_details_pb2.RetryInfo,
    )
    packed = next((value for key, value in failure.trailing_metadata() or () if key == DETAILS_KEY), None)
    found: dict[str, Any] = {}
    try:
        status = status_pb2.Status.FromString(packed) if isinstance(packed, bytes) else status_pb2.Status()
        for any_detail in status.details:
            for kind in known:
                if any_detail.Is(kind.DESCRIPTOR):
                    found[kind.DESCRIPTOR.name] = kind.FromString(any_detail.value)
    except DecodeError:
        pass
    return found


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?:" else text + "."


def _when(retry_after_s: float | None) -> str:
    return "in a moment" if retry_after_s is None else f"in {retry_after_s:.3g} s"
