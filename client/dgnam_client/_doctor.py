"""The way from here to a picture, checked step by step."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import __version__
from ._address import Address
from ._client import Client
from ._errors import DgnamError
from ._proxy import proxy_for
from ._reach import shake_hands

CONNECT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was checked.
        ok: Whether it is as it should be.
        text: The facts, or what is wrong and what to do.
    """

    name: str
    ok: bool
    text: str


class _Unwell(Exception):
    """The server answers, but not as it should."""


def examine(client: Client, timeout: float | None = None) -> Iterator[Finding]:
    """Check the server that a client points to.

    Args:
        client: The client.
        timeout: Seconds for each check; default: the client's.

    Yields:
        A finding for each check, in order. Where the server cannot be reached, the rest is left out.
    """
    # Loaded where they are first needed; here already, so that the clock does not count it.
    import dgnam_proto.arrays  # noqa: F401
    import grpc  # noqa: F401
    import PIL.Image  # noqa: F401

    yield Finding("address", True, client.server)
    address = Address.parse(client.server)
    if (proxy := proxy_for(address)) is not None:
        text = f"{proxy.variable} sends calls through {proxy.url}; set no_proxy={address.host} to have them go directly"
        yield Finding("proxy", True, text)
    checks: list[tuple[str, Callable[[Client, float | None], str]]] = [
        ("reach", _reach),
        *([("tls", _tls)] if address.secure and proxy is None else []),
        ("health", _health),
        ("versions", _versions),
        ("models", _models),
        ("picture", _picture),
    ]
    for name, check in checks:
        start = time.perf_counter()
        try:
            text = check(client, timeout)
        except (DgnamError, OSError, _Unwell) as error:
            yield Finding(name, False, str(error))
            if name in ("reach", "tls"):
                return
        else:
            yield Finding(name, True, f"{text} ({1000 * (time.perf_counter() - start):.0f} ms)")


def _reach(client: Client, timeout: float | None) -> str:
    address = Address.parse(client.server)
    proxy = proxy_for(address)
    host, port, what = (
        (address.host, address.port, address.endpoint) if proxy is None else (proxy.host, proxy.port, f"the proxy {proxy.url}")
    )
    try:
        with socket.create_connection((host, port), timeout=_limit(timeout)):
            return f"{what} accepts connections"
    except OSError as error:
        hint = "Is a server running there? `dgnam-server` starts one." if proxy is None else f"Is {proxy.variable} right?"
        raise _Unwell(f"{what}: {error.strerror or error}. {hint}") from error


def _tls(client: Client, timeout: float | None) -> str:
    return shake_hands(client._calls.connection, _limit(timeout))


def _limit(timeout: float | None) -> float:
    return min(timeout or CONNECT_TIMEOUT_S, CONNECT_TIMEOUT_S)


def _health(client: Client, timeout: float | None) -> str:
    status = client.health(timeout=timeout)
    if status != "SERVING":
        raise _Unwell(f"the server says {status}: it is still starting, or shutting down. Try again in a moment.")
    return status


def _versions(client: Client, timeout: float | None) -> str:
    info = client.server_info(timeout=timeout)
    text = f"client {__version__}, server {info.version} on {info.device} in {info.precision}"
    # Before 1.0 the minor version is what tells compatible releases apart.
    if info.version.split(".")[:2] != __version__.split(".")[:2]:
        raise _Unwell(f"{text}. Install the client that fits the server: pip install dgnam-client=={info.version}")
    return text


def _models(client: Client, timeout: float | None) -> str:
    models = client.models(timeout=timeout)
    classifiers, priors = (sum(model.role == role for model in models) for role in ("classifier", "prior"))
    text = f"{classifiers} to look at, {priors} to draw with"
    if not classifiers or not priors:
        raise _Unwell(f"{text}: a picture needs one of each. `dgnam-server --models` names the folders to load from.")
    return text


def _picture(client: Client, timeout: float | None) -> str:
    # The default prior's own encoder: any other network may take other sizes than this prior draws.
    prior = client.model(client.methods(timeout=timeout).default_prior, timeout=timeout)
    if prior.code is None:
        raise _Unwell(f"the default prior, {prior.name}, does not say what its code is")
    model = client.model(prior.code.encoder, timeout=timeout)
    address = f"{model.name}:{model.output_tap}:0"
    result = client.synthesize(address, steps=1, timeout=timeout)
    return f"{result.image.width} x {result.image.height} px of {address} after 1 step"
