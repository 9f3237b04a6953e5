"""The gallery that a server starts beside itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from free_ports import free_port


def test_beside_a_server_and_with_it(start_server: Callable[..., Any], tmp_path: Path) -> None:
    """`dgnam-server --web` starts it; behind the token, with the server's own; and it ends with the server, even if that is killed."""
    for file in ("page", "calls"):
        (tmp_path / file).write_text(file)
    port = free_port()
    settings = {"web": port, "web_token_file": tmp_path / "page", "token_file": tmp_path / "calls", "state_dir": tmp_path / "state"}
    served = start_server(**settings)
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as browser:
        until(lambda: answers(browser), 90)
        assert "A token, please" in browser.get("/").text
        assert "tiny-res" in browser.get("/?token=page").text
        assert (tmp_path / "state" / "gallery" / "gallery.sqlite").is_file()
        served.process.kill()
        until(lambda: not answers(browser), 30)


def answers(browser: httpx2.Client) -> bool:
    try:
        return bool(browser.get("/enter").status_code == 200)
    except httpx2.TransportError:
        return False


def until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
