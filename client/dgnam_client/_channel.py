"""How to reach the server: address, credentials, and the channel's settings. Opening is left to the clients, and loads gRPC."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from ._address import DEFAULT_SERVER, SERVER_VARIABLE, TOKEN_VARIABLE, Address, from_environment
from ._errors import REQUEST_ID_KEY, DgnamError, InvalidRequestError
from ._proxy import LOOPBACK

if TYPE_CHECKING:
    import grpc
    import grpc.aio

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
KEEPALIVE_MS = 60_000
# How long a client that has lost its server waits, at most, before it tries again; gRPC's own two minutes would outlast the outage.
MAX_RECONNECT_BACKOFF_MS = 2_000

# Only calls that are cheap to repeat, and only where the server is not available. Synthesis is not listed.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": "dgnam.v1.CatalogService"},
                {"service": "dgnam.v1.ServerService"},
                {"service": "dgnam.v1.AnalysisService"},
                {"service": "dgnam.v1.SynthesisService", "method": "Draw"},
                # Of a search not Tell, whose answer may be lost after the scores were taken in.
                {"service": "dgnam.v1.SearchService", "method": "Ask"},
                {"service": "dgnam.v1.SearchService", "method": "CreateSearch"},
                {"service": "dgnam.v1.SearchService", "method": "GetSearch"},
                {"service": "dgnam.v1.SearchService", "method": "ListSearches"},
                {"service": "dgnam.v1.SearchService", "method": "ListOptimizers"},
                # Each brings about the same when it comes twice; a watcher sees what it has missed when it asks anew.
                {"service": "dgnam.v1.JobService"},
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                # A server that stops cancels calls that reach it at that moment: gRPC does so, before any code of ours is asked.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            },
        }
    ]
}

Token = str | Callable[[], str]
AsyncToken = str | Callable[[], str | Awaitable[str]]


@dataclass(frozen=True)
class Connection:
    """All it takes to open a channel and to call.

    Attributes:
        address: Where the server is.
        token: The bearer token, or what gives it before each call; None: none.
        ca_file: PEM certificates to trust in place of the system's.
        cert_file: This client's PEM certificate, for mutual TLS.
        key_file: Its PEM key.
    """

    address: Address
    token: AsyncToken | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @classmethod
    def of(
        cls,
        server: str | None,
        token: AsyncToken | None,
        ca_file: str | os.PathLike[str] | None,
        cert_file: str | os.PathLike[str] | None,
        key_file: str | os.PathLike[str] | None,
    ) -> Connection:
        """The connection for a client's arguments; DGNAM_SERVER and DGNAM_TOKEN stand in for those left out.

        Raises:
            InvalidRequestError: The address is malformed, a variable is mistyped, or the files do not fit the address or each other.
        """
        address = Address.parse(server or from_environment(SERVER_VARIABLE) or DEFAULT_SERVER)
        files = [None if file is None else Path(file) for file in (ca_file, cert_file, key_file)]
        if any(files) and not address.secure:
            raise InvalidRequestError(f"certificates and keys need TLS, but {address} is without: write grpcs://{address.endpoint}")
        if (cert_file is None) != (key_file is None):
            raise InvalidRequestError("cert_file and key_file belong together: pass both or neither")
        return cls(address, token if token is not None else from_environment(TOKEN_VARIABLE), *files)

    def open(self) -> grpc.Channel:
        """A channel for threads.

        Raises:
            OSError: A certificate or key file cannot be read.
        """
        import grpc

        endpoint, options = self.address.endpoint, self._options()
        if self.address.secure:
            return grpc.secure_channel(endpoint, self._credentials(), options=options)
        return grpc.insecure_channel(endpoint, options=options)

    def open_aio(self) -> grpc.aio.Channel:
        """A channel for the running event loop.

        Raises:
            OSError: A certificate or key file cannot be read.
        """
        import grpc.aio

        endpoint, options = self.address.endpoint, self._options()
        if self.address.secure:
            return grpc.aio.secure_channel(endpoint, self._credentials(), options=options)
        return grpc.aio.insecure_channel(endpoint, options=options)

    def _credentials(self) -> grpc.ChannelCredentials:
        import grpc

        ca, cert, key = (None if file is None else file.read_bytes() for file in (self.ca_file, self.cert_file, self.key_file))
        return grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=cert)

    def _options(self) -> list[tuple[str, Any]]:
        return [
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_BACKOFF_MS),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
            ("grpc.primary_user_agent", f"dgnam-client/{__version__}"),
            # Connections are otherwise shared between channels, also with those that a forked child has from its parent.
            ("grpc.use_local_subchannel_pool", 1),
            # A proxy set for the outside world cannot reach this machine's loopback.
            ("grpc.enable_http_proxy", 0 if self.address.host in LOOPBACK else 1),
        ]


def metadata(token: object) -> list[tuple[str, str]]:
    """The metadata of one call: an id, by which the server's log and errors know it, and the token.

    Raises:
        DgnamError: It is not a token, a text of visible ASCII characters.
    """
    named = [(REQUEST_ID_KEY, os.urandom(8).hex())]
    if token is None:
        return named
    if not isinstance(token, str) or not token or not all("!" <= letter <= "~" for letter in token):
        # The token itself stays out of messages, which end up in logs.
        raise DgnamError("the token is not a text of visible ASCII characters: does it hold a space or a line break?")
    return [*named, ("authorization", f"Bearer {token}")]


def seconds(timeout: float | None, default: float) -> float | None:
    """A call's timeout as gRPC wants it: None in place of infinity."""
    chosen = default if timeout is None else timeout
    return None if chosen == math.inf else chosen
