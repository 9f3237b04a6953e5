"""The proxy that gRPC takes from the environment."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import urlsplit

from ._address import Address

# In gRPC's order; the first that is set counts.
PROXY_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")
EXEMPTING_VARIABLES = ("no_grpc_proxy", "no_proxy")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Proxy(NamedTuple):
    """A proxy, without the password in its address, and the variable that names it."""

    variable: str
    url: str
    host: str
    port: int


def proxy_for(address: Address) -> Proxy | None:
    """The proxy that calls to an address go through; None: they go there directly."""
    variable = next((name for name in PROXY_VARIABLES if os.environ.get(name)), None)
    if variable is None or address.host in LOOPBACK or _exempt(address.host):
        return None
    text = os.environ[variable]
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return Proxy(variable, "(which is malformed)", "", 0)
    return Proxy(variable, f"{parts.scheme}://{host}:{port}", host, port)


def _exempt(host: str) -> bool:
    listed = next((os.environ[name] for name in EXEMPTING_VARIABLES if os.environ.get(name)), "")
    # As gRPC does: an entry is the end of a name.
    return any(host.endswith(entry.strip()) for entry in listed.split(",") if entry.strip())
