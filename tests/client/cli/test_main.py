"""What all commands have in common."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from dgnam_client._cli import main

LEMON = "alexnet64:fc8:lemon"
TEAPOT = "alexnet64:fc8:teapot"


@pytest.mark.parametrize(
    "arguments",
    [[], ["drew"], ["draw"], ["activations", "a.png"], ["synth", LEMON, "--seed", "x"], ["synth", LEMON, "--balance", "x"], ["units"]],
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "usage: dgnam" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["draw", "--help"], ["activations", "--help"], ["models", "--help"], ["units", "--help"], ["doctor", "--help"]],
)
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0 and "usage: dgnam" in capsys.readouterr().out


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", LEMON, TEAPOT, "--server", "grpc://127.0.0.1:1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first = r"dgnam: cannot reach the server at grpc://127\.0\.0\.1:1: .*`dgnam-server` starts one.*\n"
    assert re.fullmatch(first + "dgnam: the same of 1 more picture\n", err)


def test_a_reader_that_leaves_early_is_no_error(command: Any) -> None:
    with command("units", "alexnet64") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(100) == 1
        assert process.stderr.read() == ""


def test_version(command: Any) -> None:
    with command("--version") as process:
        assert process.communicate(timeout=100) == ("dgnam 0.1.0\n", "")


def test_ctrl_c_stops_the_server_and_keeps_what_is_finished(server: Any, command: Any, folder: Path) -> None:
    with command("synth", "alexnet64:fc8:slow", LEMON, "--table", "t.csv") as process:
        # The table comes last.
        while not (folder / "t.csv").exists():
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 130 and out.startswith("alexnet64-fc8-lemon-seed0.png  ")
    assert err == "dgnam: stopped: 1 of 2 pictures are finished and kept; the same command with --skip-existing draws the rest\n"
    assert server.cancelled.acquire(timeout=60)
    assert {path.name for path in folder.iterdir()} == {"t.csv", "alexnet64-fc8-lemon-seed0.png", "alexnet64-fc8-lemon-seed0.json"}


@pytest.mark.parametrize("arguments", [["--help"], ["synth", "--help"], ["draw", "--help"], ["activations", "--help"], ["--version"]])
def test_help_is_quick_and_loads_nothing_heavy(arguments: list[str]) -> None:
    script = f"""
import sys, time
start = time.process_time()
from dgnam_client._cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
assert time.process_time() - start < 0.5
heavy = {{"grpc", "numpy", "PIL", "google.protobuf", "tqdm", "torch"}} & sys.modules.keys()
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL, timeout=60)
