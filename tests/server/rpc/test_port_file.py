"""The port file goes with its process."""

import subprocess
import sys
import time
from pathlib import Path

from dgnam_server.rpc import port_file

HOLDER = """
import sys, time
from pathlib import Path
from dgnam_server.rpc import port_file
with port_file.written(Path(sys.argv[1]), 7433):
    print("there", flush=True)
    time.sleep(600)
"""


def gone(path: Path) -> bool:
    deadline = time.monotonic() + 20
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not path.exists()


def test_it_is_there_for_the_block(tmp_path: Path) -> None:
    path = tmp_path / "port"
    with port_file.written(path, 7433):
        assert path.read_text() == "7433\n"
    assert list(tmp_path.iterdir()) == []
    with port_file.written(None, 7433):
        pass


def test_it_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "port"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"there\n"
        assert path.exists()
        holder.kill()
    assert gone(path)


def test_the_file_of_a_later_server_stays(tmp_path: Path) -> None:
    path = tmp_path / "port"
    with port_file.written(path, 7433):
        port_file.remove(path)
        path.write_text("7434\n")
    assert path.read_text() == "7434\n"
