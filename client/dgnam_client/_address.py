"""Where the server is: addresses as text, and the environment variables that stand in for arguments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from ._errors import InvalidRequestError

DEFAULT_SERVER = "grpc://127.0.0.1:7433"
DEFAULT_PORT = 7433
SERVER_VARIABLE = "DGNAM_SERVER"
TOKEN_VARIABLE = "DGNAM_TOKEN"
# How alike a name must be to count as mistyped. The server's variables begin with DGNAM_ too; none is this close.
MISTYPED = 0.9


@dataclass(frozen=True)
class Address:
    """Where the server is.

    Attributes:
        host: A name or an IP address.
        port: 1 to 65535.
        secure: Whether to speak TLS.
    """

    host: str
    port: int
    secure: bool

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port` or `grpc://host:port`, or `grpcs://host:port` for TLS; the port may be left out.

        Raises:
            InvalidRequestError: The text is not an address.
        """
        wrong = f"{text!r} is not a server's address: write host:port, or grpcs://host:port for TLS"
        try:
            parts = urlsplit(text.strip() if "://" in text else f"grpc://{text.strip()}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidRequestError(f"{wrong} ({error})") from None
        if parts.scheme not in ("grpc", "grpcs") or not host or port == 0:
            raise InvalidRequestError(wrong)
        if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
            raise InvalidRequestError(f"{wrong}, and nothing after the port")
        return cls(host, DEFAULT_PORT if port is None else port, parts.scheme == "grpcs")

    @property
    def endpoint(self) -> str:
        """host:port, as gRPC wants it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'grpcs' if self.secure else 'grpc'}://{self.endpoint}"


def from_environment(variable: str) -> str | None:
    """An environment variable's value; None where it is unset or empty.

    Raises:
        InvalidRequestError: It is unset, and another one has nearly its name.
    """
    value = os.environ.get(variable)
    if value is None:
        others = [name for name in os.environ if name.startswith("DGNAM_")]
        if not others:
            return None
        import difflib

        near = difflib.get_close_matches(variable, others, n=1, cutoff=MISTYPED)
        if near:
            raise InvalidRequestError(f"the environment sets {near[0]}, which nothing reads: did you mean {variable}?")
    return value or None
