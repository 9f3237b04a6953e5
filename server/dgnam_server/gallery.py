"""The gallery beside a server: `dgnam gallery`, a program of its own, for as long as the server serves.

Rules: it is a client like any other, with the server's token. It ends when its input does, so it ends with this process whatever ends
this process. Where it ends by itself, the server goes on without it.
"""

import asyncio
import importlib.util
import ipaddress
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dgnam_server.faults import Fault, SettingsError
from dgnam_server.settings import PREFIX, Settings

log = logging.getLogger(__name__)

_NEEDED = ("dgnam_client", "jinja2", "python_multipart", "starlette", "uvicorn")
_STOP_S = 5.0


def check(settings: Settings) -> None:
    """See that a gallery that is asked for can be started.

    Raises:
        SettingsError: a package that it needs is missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None] if settings.web is not None else []
    if missing:
        raise SettingsError([Fault("web", f'the gallery needs more packages ({missing[0]} is missing): pip install "dgnam-server[web]"')])


@asynccontextmanager
async def beside(settings: Settings, port: int) -> AsyncIterator[None]:
    """For the length of the block, the gallery is served, where it is asked for.

    Args:
        port: that the server listens on.
    """
    if settings.web is None:
        yield
        return
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {f"{PREFIX}TOKEN": settings.tokens[0]} if settings.tokens else {}
    # In a process group of its own: Ctrl-C is for the server, which then ends it.
    process = await asyncio.create_subprocess_exec(*_command(settings, port), stdin=PIPE, stdout=DEVNULL, env=environment, process_group=0)
    log.info("the gallery, a web page, is on port %d of %s", settings.web, settings.web_host)
    watching = asyncio.create_task(_watch(process))
    try:
        yield
    finally:
        watching.cancel()
        await _stop(process)


def _command(settings: Settings, port: int) -> list[str]:
    words = ["--server", f"{_from_here(settings.host)}:{port}", "--host", settings.web_host, "--port", str(settings.web)]
    words += ["--folder", str(settings.state_folder / "gallery"), "--until-stdin-ends"]
    words += ["--web-token-file", str(settings.web_token_file)] if settings.web_token_file is not None else []
    return [sys.executable, "-m", "dgnam_client", "gallery", *words]


def _from_here(host: str) -> str:
    """How to reach an address that is listened on, from this machine."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{address}]" if address.version == 6 else str(address)


async def _watch(process: Process) -> None:
    status = await process.wait()
    log.error("the gallery ended with status %d; the server goes on without it", status)


async def _stop(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
