"""Identity: whom a call counts for, where clients share the server.

Rules: a certificate that the server checked says who the client is. Otherwise it is whoever sends from one address with one token; of
IPv6, from one network of 64 bits, all of whose addresses one machine may use. A name shows nothing of a token but a short digest.
"""

import hashlib
import ipaddress
from typing import Any
from urllib.parse import unquote

_DIGITS = 8


def of_call(context: Any) -> str:
    """The client's name, for accounts and for messages."""
    auth = context.auth_context()
    names = auth.get("x509_subject_alternative_name") or auth.get("x509_common_name")
    if names and auth.get("transport_security_type", [b""])[0] == b"ssl":
        return str(names[0].decode(errors="replace"))
    token = dict(context.invocation_metadata() or ()).get("authorization")
    suffix = f"/{_digest(token)}" if token else ""
    return host_of(context.peer()) + suffix


def host_of(peer: str) -> str:
    """The host in gRPC's address of a peer: `ipv4:10.0.0.1:40000`, `ipv6:%5B::1%5D:40000`, `unix:/path`."""
    kind, _, rest = unquote(peer).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return kind or "unknown"
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, ipaddress.IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False)) if not address.is_loopback else str(address)


def _digest(token: str | bytes) -> str:
    return hashlib.sha256(token if isinstance(token, bytes) else token.encode()).hexdigest()[:_DIGITS]
