"""A server process for the length of a block."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from dgnam_client import local_server


def test_wrong_settings_are_told_as_the_server_tells_them(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="max_batch_rows: 0 is not between 1 and 4096") as caught,
        local_server(tmp_path, max_batch_rows=0, max_stpes=3, models=["/none/here"]),
    ):
        pytest.fail("it started")
    assert "--max-stpes: no such flag; did you mean --max-steps?" in str(caught.value)
    assert "models: /none/here is not a folder" in str(caught.value)
    with pytest.raises(TypeError, match="port_file"), local_server(tmp_path, port_file=tmp_path / "mine"):
        pytest.fail("it would never hear of it")


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="(?s)did not start: .*cannot listen on 192.0.2.1:"), local_server(tmp_path, host="192.0.2.1"):
        pytest.fail("it started")


def test_it_serves_within_the_block_and_is_gone_after(tmp_path: Path, tiny_pack: Path) -> None:
    (tmp_path / "server.port").write_text("1")  # left over
    tiny = {"models": [tiny_pack], "only": ["tiny-prior"], "default_prior": "tiny-prior"}
    with local_server(tmp_path, **tiny, max_batch_rows=1, token_file=None) as server:
        assert server.process.poll() is None
        assert server.address.startswith("grpc://127.0.0.1:")
        assert server.address != "grpc://127.0.0.1:1"
    assert server.process.poll() == 0
    assert not (tmp_path / "server.port").exists()


STARTS = """
import sys, time
from pathlib import Path
from dgnam_client import local_server
with local_server(Path(sys.argv[1]), models=[sys.argv[2]], only=["tiny-prior"], default_prior="tiny-prior", batch_rows=1):
    print("serves", flush=True)
    time.sleep(1000)
"""


def test_it_goes_with_the_program_however_that_ends(tmp_path: Path, tiny_pack: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS, tmp_path, tiny_pack], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None and program.stdout.readline() == b"serves\n"
        assert (tmp_path / "server.port").exists()
        program.kill()
    deadline = time.monotonic() + 100
    while (tmp_path / "server.port").exists():
        assert time.monotonic() < deadline, "it goes on for nobody"
        time.sleep(0.05)
