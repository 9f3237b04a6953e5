"""`dgnam gallery`."""

from __future__ import annotations

import ipaddress
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .._client import Client
from .parser import Arguments
from .printing import BAD_REQUEST, DONE, complain

if TYPE_CHECKING:
    from .._web.guard import Door

MIB = 2**20


def run(client: Client, arguments: Arguments) -> int:
    """Serve the gallery until it is stopped."""
    try:
        from .._web import app
    except ImportError as error:
        complain(f'the gallery needs more packages ({error.name} is missing): pip install "dgnam-client[gallery]"')
        return BAD_REQUEST
    from .._aio import AsyncClient
    from .._web.shelf import Shelf

    door = _door(arguments)
    listening = app.listen(arguments.host, arguments.port)
    with listening:
        asking = AsyncClient(arguments.server, ca_file=arguments.ca_file, cert_file=arguments.cert_file, key_file=arguments.key_file)
        pages = app.build(asking, Shelf(_folder(arguments), arguments.max_mib * MIB), door)
        print(f"gallery of {client.server}: {_address(arguments.host, listening.getsockname()[1], door.token)}", flush=True)
        # A server that starts a gallery beside itself holds the other end: if it is killed, nobody else would end this process.
        app.serve(pages, listening, _until_the_end if arguments.until_stdin_ends else None)
    return DONE


def _door(arguments: Arguments) -> Door:
    """Who may come in: where other machines reach it, those with the token."""
    from .._web.guard import Door

    if arguments.web_token_file is not None:
        token = Path(arguments.web_token_file).read_text(encoding="utf-8").strip()
        if not (token and token.isascii() and token.isprintable()):
            raise ValueError(f"{arguments.web_token_file} does not hold a token: printable ASCII characters, at least one")
        return Door(token)
    return Door() if _is_loopback(arguments.host) else Door(secrets.token_urlsafe(24))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _folder(arguments: Arguments) -> Path:
    if arguments.folder is not None:
        return Path(arguments.folder)
    home = os.environ.get("XDG_STATE_HOME")  # https://specifications.freedesktop.org/basedir-spec/latest/
    return (Path(home) if home else Path.home() / ".local" / "state") / "dgnam" / "gallery"


def _address(host: str, port: int, token: str | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token is not None else "")


def _until_the_end() -> None:
    sys.stdin.buffer.read()
