"""`dgnam gallery`."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from dgnam_client._cli import main

Command = Callable[..., "subprocess.Popen[str]"]


def test_it_serves_until_it_is_stopped(command: Command, tmp_path: Path) -> None:
    with command("gallery", "--port", "0", "--folder", str(tmp_path / "kept")) as process:
        assert process.stdout is not None
        address = re.findall(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
        assert "alexnet64" in httpx2.get(address).text
        process.send_signal(signal.SIGINT)
        assert process.wait(100) == 130
    assert (tmp_path / "kept" / "gallery.sqlite").is_file()


def test_where_others_reach_it_there_is_a_token(command: Command, tmp_path: Path) -> None:
    with command("gallery", "--host", "0.0.0.0", "--port", "0", "--folder", str(tmp_path)) as process:
        assert process.stdout is not None
        port, token = re.findall(r"http://0\.0\.0\.0:(\d+)/\?token=(\S{32,})", process.stdout.readline())[0]
        assert httpx2.get(f"http://127.0.0.1:{port}/").status_code == 401
        assert httpx2.get(f"http://127.0.0.1:{port}/", headers={"authorization": f"Bearer {token}"}).status_code == 200
        process.terminate()


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["gallery", "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"dgnam: cannot listen on 127.0.0.1:{port}: Address already in use; choose another --port or --host\n"


def test_a_file_without_a_token_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert main(["gallery", "--web-token-file", str(tmp_path / "empty")]) == 1
    assert "does not hold a token" in capsys.readouterr().err


def test_without_its_packages_it_says_what_to_install() -> None:
    script = "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None; from dgnam_client._cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, "gallery"], capture_output=True, text=True)
    assert done.returncode == 2 and 'pip install "dgnam-client[gallery]"' in done.stderr
