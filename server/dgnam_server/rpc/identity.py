"""Identity: whom a call counts for, where clients share the server.

Rules: a certificate that the server checked says who the client is. Otherwise it is whoever sends from one address with one of the
server's tokens; of IPv6, from one network of 64 bits, all of whose addresses one machine may use. What a client sends in place of a token
makes it nobody else: it could send another each time. A name shows nothing of a token but a short digest. Behind a proxy all calls have
its address; so where the settings name a header that the proxy writes, what it says is the name.
"""

import hashlib
import ipaddress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

TOKEN: ContextVar[bytes] = ContextVar("token", default=b"")  # the call's own, if it is one of the server's
_DIGITS = 8
_LONGEST = 200  # of what a proxy says


@dataclass(frozen=True)
class Caller:
    """Who calls, as far as the connection says: what is told of it while the caller is there, and may be asked for afterwards.

    Attributes:
        known: the name, where a proxy or a certificate says it; empty: neither does.
    """

    known: str
    host: str

    @classmethod
    def of(cls, context: Any, header: str | None = None) -> "Caller":
        """Of a call whose caller is there still. Args: header: metadata in which a proxy says who it is; None: there is no proxy."""
        return cls(_of_proxy(context, header) or _of_certificate(context), host_of(context.peer()))

    @property
    def name(self) -> str:
        """For accounts and for messages. Once the gate has let the call through, it tells tokens apart."""
        token = TOKEN.get()
        return self.known or self.host + (f"/{hashlib.sha256(token).hexdigest()[:_DIGITS]}" if token else "")


CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)  # of the call that this task serves
ACCOUNT: ContextVar[str] = ContextVar("account", default="")  # what its checking is charged to; see `allowance`


def current() -> str:
    """The name of whoever makes the call that this task serves; empty: it serves none."""
    caller = CALLER.get()
    return caller.name if caller else ""


def of_call(context: Any, header: str | None = None) -> str:
    """The name of whoever makes a call; see `Caller.of`."""
    return Caller.of(context, header).name


def _of_proxy(context: Any, header: str | None) -> str:
    told = dict(context.invocation_metadata() or ()).get(header, "") if header else ""
    return (told if isinstance(told, str) else told.decode(errors="replace"))[:_LONGEST]


def _of_certificate(context: Any) -> str:
    auth = context.auth_context()
    names = auth.get("x509_subject_alternative_name") or auth.get("x509_common_name")
    checked = names and auth.get("transport_security_type", [b""])[0] == b"ssl"
    return names[0].decode(errors="replace") if checked else ""


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
