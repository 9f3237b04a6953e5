"""The id of a call: the same in the metadata that goes with its answer, in the lines of the log, in traces and in the client's errors."""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

KEY = "x-request-id"  # the usual name, which proxies set and pass on too
CURRENT: ContextVar[str] = ContextVar("request_id", default="")  # of the call that this code serves; empty: of none
_FIT = re.compile(r"[A-Za-z0-9._-]{1,64}")


def of_call(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The caller's own id where it sent one that is fit to be logged, else a new one."""
    sent = next((value for key, value in metadata or () if key == KEY), "")
    return sent if isinstance(sent, str) and _FIT.fullmatch(sent) else secrets.token_hex(8)


def trailers() -> tuple[tuple[str, str], ...]:
    """The metadata that tells a caller the id of its call."""
    return ((KEY, CURRENT.get()),) if CURRENT.get() else ()
