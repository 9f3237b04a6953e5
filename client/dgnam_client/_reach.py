"""Why a server cannot be reached: what gRPC says, in words, and what to do."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

from ._address import Address
from ._proxy import proxy_for

if TYPE_CHECKING:
    from ._channel import Connection

# What gRPC's messages hold, what that means, and what to do; {endpoint} is the server's host:port.
_CAUSES = (
    (
        r"WRONG_VERSION_NUMBER|HTTP_REQUEST|UNEXPECTED_MESSAGE",
        "what answers there speaks no TLS",
        "If it is a server without TLS, write grpc://{endpoint}.",
    ),
    (
        r"Hostname Verification|not in peer certificate|HOSTNAME_MISMATCH|IP address mismatch|Hostname mismatch",
        "its certificate is for another name",
        "Write the name that the certificate has as the host.",
    ),
    (
        r"(?i)CERTIFICATE_VERIFY_FAILED|unable to get local issuer|self.signed certificate|unable to get issuer|unknown.ca",
        "its certificate comes from an authority that is not trusted here",
        "Name the authority's certificate: ca_file=, or --ca-file.",
    ),
    (
        r"(?i)CERTIFICATE_REQUIRED|certificate required|HANDSHAKE_FAILURE|BAD_CERTIFICATE",
        "it closes the connection, as servers do that ask for this client's certificate",
        "Name one with its key: cert_file= and key_file=, or --cert-file and --key-file.",
    ),
    (
        r"HTTP proxy returned response code",
        "the proxy lets the call not through",
        "Set no_proxy={host} to reach the server without it.",
    ),
    (
        r"http1\.x server|Failed parsing HTTP/2",
        "what answers there is no gRPC server",
        "Check the port: `dgnam-server` listens on 7433 unless it is set otherwise.",
    ),
    (
        r"(?i)resolving|address lookup failed|Domain name not found",
        "there is no host of that name",
        "Check the address: --server, or DGNAM_SERVER.",
    ),
)
_CLOSED = r"Socket closed|Connection reset"


def explained(server: str, message: str) -> tuple[str, str]:
    """What is wrong, and what to do, for gRPC's message about a server that cannot be reached; without advice where there is none."""
    address = Address.parse(server)
    way = "" if (proxy := proxy_for(address)) is None else f" through the proxy {proxy.url}, which {proxy.variable} names"
    for pattern, cause, advice in _CAUSES:
        if re.search(pattern, message):
            return f"cannot reach the server at {server}{way}: {cause}", advice.format(endpoint=address.endpoint, host=address.host)
    if re.search(_CLOSED, message) and not address.secure:
        text = f"cannot reach the server at {server}{way}: the connection was closed at once"
        return text, f"If the server has TLS, write grpcs://{address.endpoint}; `dgnam doctor` looks for the cause."
    # gRPC's own message is a chain of causes; the last one is what helps, and the exception's cause has them all.
    return f"cannot reach the server at {server}{way}: {message.rsplit(': ', 1)[-1].rstrip(']')}", ""


def shake_hands(connection: Connection, timeout: float) -> str:
    """Set up TLS with the server as a client would, and tell which version and certificate it has.

    gRPC tells of the last of a host's addresses that it tried, which need not be the one where something is wrong.

    Raises:
        OSError: It does not work; the message says why, and what to do.
    """
    address = connection.address
    context = ssl.create_default_context(cafile=None if connection.ca_file is None else str(connection.ca_file))
    context.set_alpn_protocols(["h2"])
    if connection.cert_file is not None:
        context.load_cert_chain(connection.cert_file, connection.key_file)
    try:
        with (
            socket.create_connection((address.host, address.port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as secure,
        ):
            certificate: dict[str, Any] = dict(secure.getpeercert() or {})
            version = secure.version()
            # With TLS 1.3, that this client's certificate is missing comes after the handshake. A gRPC server speaks first.
            if not secure.recv(1):
                raise ssl.SSLError("certificate required")
            return f"{version}, certificate of {', '.join(value for _, value in certificate.get('subjectAltName', ()))}"
    except ssl.SSLError as error:
        text, advice = explained(str(address), str(error))
        raise OSError(f"{text}. {advice}".rstrip()) from error
